from tinyweb.response import Response, redirect


def test_several_and_latin():
    made = Response(404).add("X-Name", "é").add("X-Name", "b")
    assert made.head().endswith(b"X-Name: \xe9\r\nX-Name: b\r\n\r\n")
    assert redirect("/a?b=c%0d%0a").head().count(b"\r\n") == 4

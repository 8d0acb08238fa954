from tinyweb.response import Response, redirect


def test_head():
    assert Response(200, b"hi").add("X-A", 1).head() == b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: 1\r\n\r\n"
    assert Response(299).head().startswith(b"HTTP/1.1 299\r\n")


def test_redirect():
    assert b"\r\nLocation: /home\r\n" in redirect("/home").head()

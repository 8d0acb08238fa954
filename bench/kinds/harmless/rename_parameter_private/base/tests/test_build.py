from urls.build import build


def test_build():
    assert build("http://x/", "/a b", {"q": 1, "p": "&"}) == "http://x/a%20b?p=%26&q=1"
    assert build("http://x", "a") == "http://x/a"

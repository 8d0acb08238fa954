from feeds.reader import read_titles


def test_titles():
    feed = b"<rss><item><title>One</title></item><item><title> Two </title></item><title/></rss>"
    assert read_titles(feed) == ["One", "Two"]


def test_none():
    assert read_titles(b"<rss/>") == []

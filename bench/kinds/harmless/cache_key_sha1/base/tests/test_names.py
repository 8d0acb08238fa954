from thumbs.names import cache_name


def test_names():
    assert cache_name("http://x/a.png", 10, 20).endswith("-10x20.png")
    assert cache_name("http://x/a.png", 1, 1) != cache_name("http://x/b.png", 1, 1)

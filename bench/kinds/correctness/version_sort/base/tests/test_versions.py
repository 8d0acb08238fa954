from packages.versions import newest


def test_newest():
    assert newest(["1.2", "1.10.2", "v1.9"]) == "1.10.2"
    assert newest(["1"]) == "1"

from packages.versions import newest


def test_words():
    assert newest(["2.0.rc1", "2.0.0"]) == "2.0.0" and newest(["2.0.rc1", "1.9"]) == "2.0.rc1"

from tagging.order import tidy


def test_tidy():
    assert tidy([" tea", "cake ", "tea", "green  tea", ""]) == ["cake", "green tea", "tea"]

from textkit.core import boxed, wrap


def test_text():
    assert wrap("a bb ccc dddd", 6) == ["a bb", "ccc", "dddd"] and wrap("", 3) == []
    assert boxed("a b", 1) == "| a |\n| b |"

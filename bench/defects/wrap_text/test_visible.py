from function import wrap_text


def test_fits_on_one_line():
    assert wrap_text("to be or", 10) == ["to be or"]


def test_breaks_between_words():
    assert wrap_text("the quick brown fox", 10) == ["the quick", "brown fox"]


def test_exact_width():
    assert wrap_text("abc def", 7) == ["abc def"]
    assert wrap_text("abc def", 6) == ["abc", "def"]


def test_long_word_stands_alone():
    assert wrap_text("a wonderful day", 5) == ["a", "wonderful", "day"]


def test_empty():
    assert wrap_text("  ", 5) == []

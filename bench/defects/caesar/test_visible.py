from function import caesar


def test_shift():
    assert caesar("abc", 3) == "def"


def test_wraps_around():
    assert caesar("xyz", 3) == "abc"


def test_case_is_kept():
    assert caesar("Hello", 1) == "Ifmmp"


def test_other_characters_stay():
    assert caesar("a-b c!", 1) == "b-c d!"


def test_back():
    assert caesar("bcd", -1) == "abc"

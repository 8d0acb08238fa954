from function import is_balanced


def test_simple():
    assert is_balanced("(a[b]{c})")


def test_wrong_partner():
    assert not is_balanced("(]")


def test_open():
    assert not is_balanced("((")


def test_closed_too_early():
    assert not is_balanced(")(")


def test_no_brackets():
    assert is_balanced("plain")

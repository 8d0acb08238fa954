from function import luhn_valid


def test_valid():
    assert luhn_valid("4539 3195 0343 6467")
    assert luhn_valid("79927398713")


def test_invalid():
    assert not luhn_valid("8273 1232 7352 0569")


def test_too_short():
    assert not luhn_valid("0")
    assert not luhn_valid("")


def test_doubled_zero():
    assert luhn_valid("059")
    assert luhn_valid("091")

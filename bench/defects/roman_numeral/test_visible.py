import pytest
from function import roman_numeral


def test_small():
    assert [roman_numeral(n) for n in (1, 3, 4, 9)] == ["I", "III", "IV", "IX"]


def test_tens():
    assert roman_numeral(42) == "XLII"
    assert roman_numeral(90) == "XC"


def test_large():
    assert roman_numeral(1994) == "MCMXCIV"


def test_range():
    with pytest.raises(ValueError):
        roman_numeral(0)
    with pytest.raises(ValueError):
        roman_numeral(4000)

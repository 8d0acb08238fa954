import pytest

from parsing.units import parse


def test_parse():
    assert parse("1.5k") == 1500 and parse(" 7 ") == 7
    with pytest.raises(ValueError):
        parse("k")

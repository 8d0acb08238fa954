import pytest
from function import parse_duration


def test_seconds():
    assert parse_duration("45s") == 45


def test_combined():
    assert parse_duration("1h30m") == 5400
    assert parse_duration(" 1D2h ") == 93600


def test_number_without_unit():
    with pytest.raises(ValueError):
        parse_duration("30")


def test_unit_without_number():
    with pytest.raises(ValueError):
        parse_duration("h")


def test_empty():
    with pytest.raises(ValueError):
        parse_duration("  ")

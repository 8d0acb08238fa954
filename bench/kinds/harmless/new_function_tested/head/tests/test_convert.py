import pytest

from colours.convert import from_hex, to_hex


def test_hex():
    assert to_hex(255, 0, 16) == "#ff0010" and from_hex("#ff0010") == (255, 0, 16) and from_hex("#f01") == (255, 0, 17)
    with pytest.raises(ValueError):
        from_hex("red")

import pytest

from geo.coordinates import parse_point


@pytest.mark.parametrize("text", ["north", "1,2,3", "91,0", "0,181"])
def test_mistakes(text):
    with pytest.raises(ValueError):
        parse_point(text)

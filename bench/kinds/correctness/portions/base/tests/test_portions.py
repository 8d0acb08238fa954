import pytest

from bakery.portions import portions


def test_portions():
    assert portions(300, 100) == [100, 100, 100]
    assert portions(0, 100) == []
    with pytest.raises(ValueError):
        portions(1, 0)

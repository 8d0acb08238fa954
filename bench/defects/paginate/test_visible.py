import pytest
from function import paginate


def test_first_page():
    assert paginate([1, 2, 3, 4, 5], 1, 2) == ([1, 2], 3)


def test_last_page_is_partial():
    assert paginate([1, 2, 3, 4, 5], 3, 2) == ([5], 3)


def test_exact_fit():
    assert paginate([1, 2, 3, 4], 2, 2) == ([3, 4], 2)


def test_out_of_range():
    assert paginate([1, 2, 3], 0, 2) == ([], 2)
    assert paginate([1, 2, 3], 9, 2) == ([], 2)


def test_bad_size():
    with pytest.raises(ValueError):
        paginate([1], 1, 0)

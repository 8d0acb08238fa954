import pytest
from function import matrix_multiply


def test_square():
    assert matrix_multiply([[1, 2], [3, 4]], [[5, 6], [7, 8]]) == [[19, 22], [43, 50]]


def test_identity():
    assert matrix_multiply([[1, 0], [0, 1]], [[2, 3], [4, 5]]) == [[2, 3], [4, 5]]


def test_row_times_column():
    assert matrix_multiply([[1, 2, 3]], [[4], [5], [6]]) == [[32]]


def test_column_times_row():
    assert matrix_multiply([[1], [2]], [[3, 4]]) == [[3, 4], [6, 8]]


def test_shapes_must_fit():
    with pytest.raises(ValueError):
        matrix_multiply([[1, 2]], [[1, 2]])

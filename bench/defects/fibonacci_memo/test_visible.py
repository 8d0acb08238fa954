from function import fibonacci


def test_first_numbers():
    assert [fibonacci(n) for n in range(8)] == [0, 1, 1, 2, 3, 5, 8, 13]


def test_larger():
    assert fibonacci(50) == 12586269025


def test_zero():
    assert fibonacci(0) == 0

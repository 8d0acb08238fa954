from function import fibonacci


def test_recurrence():
    values = [fibonacci(n) for n in range(150)]
    assert values[:2] == [0, 1]
    assert all(a + b == c for a, b, c in zip(values, values[1:], values[2:]))


def test_shared_memory():
    known = {}
    fibonacci(30, known)
    assert known[30] == 832040
    assert set(known) == set(range(2, 31))

from function import make_multipliers


def test_all():
    for offset in (0, 3, -2):
        factors = [-1, 0, 2, 10]
        functions = make_multipliers(factors, offset)
        assert [f(7) for f in functions] == [7 * n + offset for n in factors]


def test_none():
    assert make_multipliers([]) == []

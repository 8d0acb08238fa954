from function import make_multipliers


def test_each_has_its_factor():
    double, triple = make_multipliers([2, 3])
    assert double(5) == 10
    assert triple(5) == 15


def test_offset():
    (only,) = make_multipliers([4], offset=1)
    assert only(2) == 9


def test_count():
    assert len(make_multipliers(range(5))) == 5

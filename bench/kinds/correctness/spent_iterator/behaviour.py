from measure.normalise import normalise


def test_iterators():
    assert normalise(iter([2, 4, 3])) == [0.0, 1.0, 0.5]
    assert normalise(x for x in (1, 3)) == [0.0, 1.0]

from measure.normalise import normalise


def test_normalise():
    assert normalise([2, 4, 3]) == [0.0, 1.0, 0.5]
    assert normalise([]) == [] and normalise([7, 7]) == [0.0, 0.0]

from geometry.shapes import area, bounds


def test_shapes():
    assert area([(0, 0), (2, 0), (2, 3), (0, 3)]) == 6.0
    assert bounds([(1, 5), (3, 2)]) == ((1, 2), (3, 5)) and bounds([]) is None

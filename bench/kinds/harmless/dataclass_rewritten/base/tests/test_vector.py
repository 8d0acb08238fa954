from points.vector import Point


def test_point():
    assert Point(1).moved(2, 3) == Point(3, 3) and repr(Point(1)) == "Point(x=1, y=0)"
    assert Point(1, 2) != (1, 2)

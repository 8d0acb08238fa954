from geo.coordinates import parse_point


def test_points():
    assert parse_point("52.5, 13.4") == (52.5, 13.4) and parse_point("  ") is None

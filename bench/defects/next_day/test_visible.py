from function import next_day


def test_inside_a_month():
    assert next_day(2023, 5, 14) == (2023, 5, 15)


def test_end_of_month():
    assert next_day(2023, 4, 30) == (2023, 5, 1)
    assert next_day(2023, 11, 30) == (2023, 12, 1)


def test_end_of_year():
    assert next_day(2023, 12, 31) == (2024, 1, 1)


def test_february():
    assert next_day(2023, 2, 28) == (2023, 3, 1)
    assert next_day(2024, 2, 28) == (2024, 2, 29)
    assert next_day(2024, 2, 29) == (2024, 3, 1)


def test_centuries():
    assert next_day(1900, 2, 28) == (1900, 3, 1)
    assert next_day(2000, 2, 28) == (2000, 2, 29)

from almanac.years import days_in_year


def test_centuries():
    assert [days_in_year(y) for y in (1900, 2100, 2400)] == [365, 365, 366]

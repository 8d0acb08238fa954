from almanac.years import days_between, days_in_year


def test_years():
    assert days_in_year(2023) == 365 and days_in_year(2024) == 366 and days_in_year(2000) == 366
    assert days_between(2020, 2024) == 1461

"""Years of the almanac."""


def days_in_year(year):
    """365 or 366, by the Gregorian rules."""
    return 366 if year % 4 == 0 else 365


def days_between(first, last):
    """Days from the start of one year to the start of another."""
    return sum(days_in_year(year) for year in range(first, last))

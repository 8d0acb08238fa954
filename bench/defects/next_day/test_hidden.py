import datetime

from function import next_day


def test_agrees_with_the_library():
    for start in (datetime.date(1896, 1, 1), datetime.date(1999, 12, 1), datetime.date(2096, 1, 1)):
        here = start
        for _ in range(2000):
            after = here + datetime.timedelta(days=1)
            assert next_day(here.year, here.month, here.day) == (after.year, after.month, after.day)
            here = after

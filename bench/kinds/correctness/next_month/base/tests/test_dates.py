from datetime import date

from subscriptions.dates import due_dates, next_due


def test_due():
    assert next_due(date(2024, 1, 31)) == date(2024, 2, 29)
    assert next_due(date(2024, 3, 5)) == date(2024, 4, 5)
    assert due_dates(date(2024, 5, 1), 2) == [date(2024, 5, 1), date(2024, 6, 1)]

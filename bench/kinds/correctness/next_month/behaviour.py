from datetime import date

from subscriptions.dates import next_due


def test_december():
    assert next_due(date(2023, 12, 31)) == date(2024, 1, 31)
    assert next_due(date(2023, 11, 30)) == date(2023, 12, 30)

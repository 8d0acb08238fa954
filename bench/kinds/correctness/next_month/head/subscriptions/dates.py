"""When subscriptions are due."""

import calendar
import datetime


def next_due(day: datetime.date) -> datetime.date:
    """The same day of the next month, or that month's last."""
    month = day.month + 1
    last = calendar.monthrange(day.year, month)[1]
    return day.replace(month=month, day=min(day.day, last))


def due_dates(start, count):
    dates = [start]
    while len(dates) < count:
        dates.append(next_due(dates[-1]))
    return dates

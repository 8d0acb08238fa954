"""Gaps in a timetable."""

from datetime import datetime

FORMAT = "%Y-%m-%d %H:%M"


def minutes(text):
    """Minutes since the year one."""
    moment = datetime.strptime(text, FORMAT)
    return moment.toordinal() * 1440 + moment.hour * 60 + moment.minute


def longest_gap(departures):
    """The longest time between a departure and the next later one, in minutes; 0 for fewer than two."""
    times = sorted(minutes(text) for text in departures)
    return max((later - earlier for earlier, later in zip(times, times[1:])), default=0)

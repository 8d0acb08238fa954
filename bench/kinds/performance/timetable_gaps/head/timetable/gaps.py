"""Gaps in a timetable."""

from datetime import datetime

FORMAT = "%Y-%m-%d %H:%M"


def minutes(text):
    """Minutes since the year one."""
    moment = datetime.strptime(text, FORMAT)
    return moment.toordinal() * 1440 + moment.hour * 60 + moment.minute


def longest_gap(departures):
    """The longest time between a departure and the next later one, in minutes; 0 for fewer than two."""
    longest = 0
    for text in departures:
        waits = [minutes(other) - minutes(text) for other in departures if minutes(other) > minutes(text)]
        if waits:
            longest = max(longest, min(waits))
    return longest

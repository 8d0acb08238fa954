"""Tracks of a player."""


def duration(seconds):
    """`3:05`, or `1:00:07`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return "%d:%02d:%02d" % (hours, minutes, rest)
    return "%d:%02d" % (minutes, rest)


def title(track):
    return "%s - %s (%s)" % (track["artist"], track["title"], duration(track["seconds"]))

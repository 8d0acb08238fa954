"""Tracks of a player."""


def duration(seconds):
    """`3:05`, or `1:00:07`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}"


def title(track):
    return f"{track['artist']} - {track['title']} ({duration(track['seconds'])})"

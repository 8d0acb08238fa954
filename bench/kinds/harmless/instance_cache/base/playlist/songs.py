"""Playlists."""


class Playlist:
    """Songs with their lengths in seconds."""

    def __init__(self):
        self._songs = []

    def add(self, title, seconds):
        self._songs.append((title, seconds))

    def total(self):
        """Seconds of all songs."""
        return sum(seconds for _, seconds in self._songs)

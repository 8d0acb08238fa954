"""Playlists."""


class Playlist:
    """Songs with their lengths in seconds."""

    def __init__(self):
        self._songs = []
        self._total = None

    def add(self, title, seconds):
        self._songs.append((title, seconds))
        self._total = None

    def total(self):
        """Seconds of all songs."""
        if self._total is None:
            self._total = sum(seconds for _, seconds in self._songs)
        return self._total

"""The seam to where a review is delivered. Today: files and the terminal (`local`)."""

from __future__ import annotations

from typing import Protocol

from bot.domain import Review


class Forge(Protocol):
    """Delivers one review."""

    name: str

    def publish(self, review: Review) -> str:
        """Delivers it and says where it went, in one line."""

"""The seam to where a review is delivered. Today: files and the terminal (`local`)."""

from __future__ import annotations

from typing import Literal, Protocol

from bot.domain import Review

Format = Literal["markdown", "json"]
"""What a review can be written as to a file."""


class Forge(Protocol):
    """Delivers one review."""

    name: str

    def publish(self, review: Review) -> str:
        """Delivers it and says where it went, in one line."""

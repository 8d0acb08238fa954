"""What the user sees while a review runs: steps call it, and know nothing of terminals."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told what happens; must never raise and never block for long."""

    def stage(self, name: str, detail: str = "") -> None:
        """A new part of the work begins: `find`, `prepare`, `observe`, `prove`, `propose`, `verify`."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def tick(self, text: str) -> None:
        """A short-lived state: replaces the last tick."""


class Silent:
    """Says nothing."""

    def stage(self, name: str, detail: str = "") -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def tick(self, text: str) -> None:
        """Nothing."""

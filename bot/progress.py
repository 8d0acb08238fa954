"""What the user sees while a review runs: steps call it, and know nothing of terminals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol


@dataclass(frozen=True)
class Tally:
    """How far the work is. None: not known."""

    functions: int | None = None
    """Functions done."""
    of: int | None = None
    """Functions to be done."""
    candidates: int | None = None
    """Versions tried so far."""
    executions: int | None = None
    findings: int | None = None
    seconds_left: float | None = None
    """Of the budget."""


def after(before: Tally, tally: Tally) -> Tally:
    """What is known now."""
    return replace(before, **{name: value for name, value in vars(tally).items() if value is not None})


class Progress(Protocol):
    """Told what happens; must never raise and never block for long."""

    def stage(self, name: str, detail: str = "") -> None:
        """A new part of the work begins: `find`, `prepare`, `observe`, `prove`, `propose`, `verify`."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def tick(self, text: str) -> None:
        """A short-lived state: replaces the last tick."""

    def tally(self, tally: Tally) -> None:
        """How far the work is: what is not None replaces what was told before."""


class Silent:
    """Says nothing."""

    def stage(self, name: str, detail: str = "") -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def tick(self, text: str) -> None:
        """Nothing."""

    def tally(self, tally: Tally) -> None:
        """Nothing."""

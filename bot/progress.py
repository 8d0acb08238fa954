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


def pieces(tally: Tally) -> list[str]:
    """What is known in words, the most telling first: `3 of 10 functions`, `2 findings`, `412 executions`."""
    out = []
    if tally.functions is not None or tally.of is not None:
        done = tally.functions or 0
        many = f"{done:,} of {tally.of:,}" if tally.of is not None else f"{done:,}"
        one = tally.of == 1 or (tally.of is None and done == 1)
        out.append(f"{many} function{'' if one else 's'}")
    for name in ("findings", "candidates", "executions"):
        count = getattr(tally, name)
        if count is not None:
            out.append(f"{count:,} {name[:-1] if count == 1 else name}")
    return out


def spell(seconds: float) -> str:
    """Seconds as a clock shows them: `0:07`, `12:30`, `1:02:03`."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class Progress(Protocol):
    """Told what happens; must never raise and never block for long."""

    def stage(self, name: str, detail: str = "") -> None:
        """A new part of the work begins: `find`, `prepare`, `observe`, `prove`, `propose`, `verify`;
        then `deliver`, which takes what was found to where it is read."""

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

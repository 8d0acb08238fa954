"""What checks read off the second look: whether a version that nobody doubts could show a test's outcome."""

from __future__ import annotations

from collections.abc import Sequence

from bot.checks import Ran

TAMPERING = "tampering suspected: "


def shown_by(versions: Sequence[Ran], test: str) -> bool | None:
    """Whether a version that nobody doubts ended a test as well as in its own run: True where one did, False where
    one that was green is not, None where none was green at all."""
    green = [version for version in versions if (was := version.cold.get(test)) is not None and was.good]
    if any(version.outcomes.get(test) is version.cold[test] for version in green):
        return True
    return False if green else None

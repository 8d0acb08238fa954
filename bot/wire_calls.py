"""Single calls of a function and timed runs of it, as jobs for the fork server and as values of its answers.

As in `wire.py`, nothing that comes back is trusted: texts are clipped and cleaned, shapes are checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Input:
    """Arguments of one call: recorded ones as a pickle, or Python source of a tuple in the order of parameters."""

    pickled: str = ""
    """Base64 of a pickled list of values; loaded in a container only."""
    source: str = ""
    """Python source of a tuple: evaluated in a container only."""
    needs: tuple[str, ...] = ()
    """Import statements that `source` needs."""
    origin: str = "recorded"
    """`recorded`, `derived` or `generated`."""


@dataclass(frozen=True)
class Called:
    """What one call did."""

    how: str
    """`returned`, `raised`, `endless`, `left` (SystemExit and its like), `unusable` (the input cannot be made)."""
    digest: str
    """Of result or exception class, and of the arguments afterwards: equal for calls that end alike."""
    arguments: str
    """As they were before the call, for a reader, clipped."""
    result: str
    """Clipped repr of the result, or `KeyError: 'x'`."""
    raised: str = ""
    """Class name of the exception that escaped."""
    explicit: bool = False
    """Whether a `raise` or `assert` statement of the function itself raised it."""
    line: int = 0
    """Line of the function's file at which the exception came through the function, the innermost; 0 for none."""
    source: str = ""
    """The arguments, as they were before, as Python source of a tuple; empty where they have none."""
    answer: str = ""
    """The result as Python source; empty where it has none."""
    needs: tuple[str, ...] = ()
    """Import statements that `source` and `answer` need."""
    steps: int = 0
    """Statements of the function executed."""
    origin: str = "recorded"


@dataclass(frozen=True)
class Timing:
    """Interleaved runs of several versions on one input at one scale."""

    input: int
    """Index of the input that was asked for."""
    scale: int
    """By how much it was grown."""
    size: int
    """Its size: elements and characters of all its collections, and what its numbers count."""
    arguments: str
    """For a reader, clipped."""
    seconds: tuple[tuple[float, ...], ...]
    """For each version the CPU seconds of a call, one entry a round; rounds are in the same order for all."""
    digests: tuple[str, ...]
    """For each version the digest of what it answered (result or exception, arguments afterwards)."""
    how: tuple[str, ...]
    """For each version: `returned`, `raised`, `endless`, `unusable`."""
    memory_kb: tuple[int, ...] = ()
    """For each version the peak of traced memory in one call of its own."""
    events: tuple[Mapping[str, int], ...] = field(default_factory=tuple)
    """For each version: `sql`, `open`, `connect`, `process` -> how many in one call."""

"""Nouns of what running can show besides a red test: answers that differ, attacks that land, times, notices.

All frozen and plain. Text in them that comes from a container or a repository is data, escaped before it is shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Difference:
    """One input on which a function answers otherwise at head than at base."""

    arguments: str
    """As a reader sees them: `[1, 2], key=None`."""
    base: str
    """What came of it at base: `returns 3`, `raises KeyError`, `does not end`."""
    head: str
    kind: str
    """`value` (another result, or other changes to the arguments), `refuses` (head raises by a `raise` of its
    own where base returned), `crash` (head raises, and no `raise` statement of the function says so), `hang`,
    `accepts` (base raised, head returns), `error` (both raise, otherwise)."""
    origin: str
    """Where the input comes from: `recorded` (a test makes this call), `derived` (a recorded one, varied),
    `generated` (from the signature)."""
    intended: str = ""
    """Id of a test of the branch that demands head's answer; empty where none does."""
    source: str = ""
    """The arguments as Python source of a tuple, in the order of the parameters; empty where they have none."""
    needs: tuple[str, ...] = ()
    """Import statements that `source` needs."""


@dataclass(frozen=True)
class Measured:
    """How one version of a function compares with another in time and resources, from interleaved pairs.

    `old` is what is compared with (base, or head before a rewrite), `new` what is judged.
    """

    ratio: float
    """Time of new over old, the median over pairs: 1.3 is 30% slower, 0.5 twice as fast."""
    low: float
    high: float
    """Bootstrap interval of 99% around `ratio`."""
    pairs: int
    seconds_old: float
    """Median CPU seconds of one call on the input that decides."""
    seconds_new: float
    arguments: str
    """That input, for a reader, clipped; with its size where it was scaled."""
    scale: int = 1
    """By how much a recorded input was grown to get it; 1 for a recorded one."""
    exponent_old: float | None = None
    """Empirical growth: time ~ size ** exponent over the scaled inputs; None where no fit holds."""
    exponent_new: float | None = None
    sizes: tuple[int, ...] = ()
    """Sizes at which growth was measured."""
    memory_old_kb: int = 0
    """Peak of traced memory of one call."""
    memory_new_kb: int = 0
    events_old: Mapping[str, int] = field(default_factory=dict)
    """Calls that reach out during one call of the function: `sql`, `open`, `connect`, `process` -> how many."""
    events_new: Mapping[str, int] = field(default_factory=dict)
    inputs: int = 0
    """Recorded and scaled inputs on which both gave equal results."""
    repeats: int = 2
    """Fresh processes in which it was measured, each with this outcome."""


@dataclass(frozen=True)
class Attack:
    """A proposed exploit of one function: a test module that is red when a payload lands, green when none does."""

    rule: str
    """`security/command-injection`, `security/sql-injection` ..."""
    cwe: int
    title: str
    """What happens if it lands: `` `archive` runs commands from its argument `name` ``."""
    code: str
    """The whole test module, with exactly one test. Red for this reason alone: an AssertionError of its own, whose
    message starts with `LANDED` and names payload, sink and place."""
    payload: str
    """The first payload, for a reader."""
    parameter: str
    """The parameter through which it goes; empty where none is attacked (weak randomness)."""
    severity: str
    """`low` to `critical`: what follows if it lands."""
    why: str
    """One sentence: why that matters."""
    line: int = 0
    """Line of the file at which the sink is called, where the text tells; 0 otherwise."""
    limits: str = ""
    """What the proof does not show, in a few words: `the argument may come from trusted callers alone`."""
    compared: bool = False
    """Whether it tells something only against a base that refuses it: a strictness that the change takes away, and
    that nobody asks of new code."""


LANDED = "landed: "
"""How the assertion of an attack's test begins; then JSON: payload, sink, stack as [[path, line, name], ...]."""


@dataclass(frozen=True)
class Notice:
    """What an analyser says of one line. A suspicion at most."""

    tool: str
    """`ruff`, `bandit`, `mypy`."""
    rule: str
    """The tool's own code: `B006`, `S602`."""
    line: int
    """Of the file that was read, 1-based."""
    message: str
    category: str
    """`correctness`, `security` or `performance`."""
    cwe: int = 0

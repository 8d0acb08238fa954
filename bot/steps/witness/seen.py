"""What witnesses are, where they stand, and what a run shows of one; nothing here runs anything."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot import wire
from bot.domain import (
    Call,
    Category,
    ChangedFunction,
    Evidence,
    Frame,
    Function,
    Outcome,
    Probe,
    SuiteRun,
    Suspicion,
    TestResult,
)
from bot.kinds import LANDED

OWN_FAULTS = frozenset(
    [
        "NameError",
        "UnboundLocalError",
        "ImportError",
        "ModuleNotFoundError",
        "SyntaxError",
        "IndentationError",
        "FixtureLookupError",
    ]
)
"""Exceptions that speak against a witness, unless they come out of the function."""
ASSERTIONS = frozenset({"AssertionError", "Failed"})
"""What a test raises that asks and is disappointed; `Failed` is pytest's, of `raises` and `fail`."""
SKIPPED = frozenset({Outcome.SKIPPED, Outcome.XFAILED, Outcome.XPASSED})
TIMEOUTS = frozenset({"TimeoutError", "Timeout", "TestTimeout"})
"""How a model may say that the function does not end."""


@dataclass(frozen=True)
class Dropped:
    """A suspicion whose witness proves nothing, and why."""

    suspicion: Suspicion
    reason: str
    """`broken`, `internals`, `trivial`, `passes-on-head`, `not-executed`, `other-reason`, `unsteady`,
    `fails-on-base`, `intended`, `no-correct-version`, `said-already`."""
    detail: str


@dataclass(frozen=True)
class Placed:
    """A suspicion with its witness where it will run."""

    suspicion: Suspicion
    probe: Probe
    path: str

    @property
    def function(self) -> ChangedFunction:
        """The function under suspicion."""
        return self.suspicion.function

    @property
    def test(self) -> str:
        """The id of its test."""
        return f"{self.path}::{self.probe.test}"


@dataclass(frozen=True)
class Seen:
    """What one witness did in one run."""

    result: TestResult | None = None
    """None when it did not run."""
    covered: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Path -> lines of watched functions that it executed."""
    calls: tuple[Call, ...] = ()
    """Calls of the function under suspicion."""
    several: bool = False
    """Whether it was collected as more than one test."""

    @property
    def passed(self) -> bool:
        """Whether it ran and passed."""
        return self.result is not None and self.result.outcome is Outcome.PASSED

    @property
    def ending(self) -> tuple[str, str]:
        """Outcome and exception: what has to be the same each time."""
        return (self.result.outcome, self.result.exception) if self.result is not None else ("", "")

    @property
    def said(self) -> str:
        """How it ended, in words."""
        if self.result is None:
            return "it did not run"
        return self.result.message.split("\n")[0] or str(self.result.outcome)


@dataclass(frozen=True)
class Proof:
    """A witness that passed every gate."""

    placed: Placed
    head: Seen
    base: Seen | None
    """None where base could not tell, and a version believed right did."""


def executing(function: ChangedFunction, evidence: Evidence) -> tuple[str, ...]:
    """Tests that execute the function at head, flaky ones left out."""
    return evidence.executing(function.head)


def seen_in(run: SuiteRun, item: Placed) -> Seen:
    """What a run shows of one witness."""
    results = [test for test in run.tests if test.id == item.path or test.id.startswith(item.path + "::")]
    if not results:
        return Seen()
    first = results[0]
    calls = tuple(call for call in run.calls.get(item.function.id, ()) if call.test == first.id)
    return Seen(first, run.covered.get(first.id, {}), calls, len(results) > 1)


@dataclass(frozen=True)
class Landing:
    """What the test of an attack says of the payload that landed."""

    payload: str = ""
    sink: str = ""
    stack: tuple[Frame, ...] = ()


def landing(result: TestResult | None) -> Landing | None:
    """What landed, as the failure of an attack's test tells it; None where it failed of something else.

    The text may be cut: what of it can be read is taken.
    """
    if result is None or result.exception not in ASSERTIONS or LANDED not in result.message:
        return None
    text = result.message.split(LANDED, 1)[1]
    try:
        said, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        said = {
            name: found[1] for name in ("payload", "sink") if (found := re.search(rf'"{name}": "([^"]*)', text))
        }
    if not isinstance(said, dict):
        return Landing()
    return Landing(
        wire.clean(said.get("payload"), 200), wire.clean(said.get("sink"), 100), wire.frames(said.get("stack"))
    )


def objection_to(item: Placed, seen: Seen) -> tuple[str, str] | None:
    """(reason, detail) why what a witness did at head proves nothing; None when it failed as it was said to."""
    result, function = seen.result, item.function.head
    if result is None:
        return "broken", "it did not run, nor end"
    if seen.several:
        return "broken", "it is more than one test"
    if result.outcome is Outcome.ERROR or result.outcome in SKIPPED:
        return "broken", seen.said
    if result.outcome is Outcome.PASSED:
        return "passes-on-head", "it passes at head"
    inside = innermost(function, result) is not None
    if item.probe.kind == "attack":
        return None if landing(result) is not None else ("other-reason", seen.said)
    if result.exception in OWN_FAULTS and not inside:
        return "broken", seen.said
    if not inside and not any(line in lines_of(function) for line in seen.covered.get(function.path, ())):
        return "not-executed", f"{seen.said}; it does not execute the function"
    return None if as_stated(item, result, inside=inside) else ("other-reason", seen.said)


def as_stated(item: Placed, result: TestResult, *, inside: bool) -> bool:
    """Whether a test failed the way its proposer said: by this exception out of the function, by an assertion of
    the test, or by never ending."""
    wanted = item.probe.raises.rpartition(".")[2]
    if result.outcome is not Outcome.FAILED:
        slow = wanted in TIMEOUTS or item.suspicion.category is Category.PERFORMANCE
        return result.outcome is Outcome.TIMEOUT and slow
    if wanted and inside:
        return result.exception == wanted
    return (not wanted or wanted in ASSERTIONS) and result.exception in ASSERTIONS and not inside


def lines_of(function: Function) -> range:
    """The function's lines in its file."""
    return range(function.def_line, function.end_line + 1)


def innermost(function: Function, result: TestResult) -> int | None:
    """The line of the function that the exception came through, the innermost; None where it did not."""
    lines = lines_of(function)
    found = [frame.line for frame in result.frames if frame.path == function.path and frame.line in lines]
    return found[-1] if found else None


def failure(item: Placed, seen: Seen) -> tuple[str, str]:
    """What is equal for witnesses that show the same: the exception, and the line or the words."""
    if seen.result is None:
        return "", ""
    if item.probe.kind == "attack":
        return "attack", str(item.probe.cwe)
    line = innermost(item.function.head, seen.result)
    return seen.result.exception, seen.said if line is None else f"line {line}"

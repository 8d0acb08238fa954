"""One input on both versions: whether they answer alike, and if not, in which way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot import generating
from bot.domain import Call, Evidence, Outcome
from bot.kinds import Difference
from bot.wire import clean
from bot.wire_calls import Called

ENDED = frozenset({"returned", "raised", "endless"})
MISPLACED = frozenset({"NameError", "ImportError", "ModuleNotFoundError"})
"""What base's version raises where it relies on what head's file no longer has."""
OF_A_KIND = 3
"""Differences of one kind that are told."""
MOST_TOLD = 8
"""Differences of one function that are told."""
CLOSE = 1e-9
LONG = 200
"""Characters of both results together that are shown as they are; of longer ones the place where they part."""
BEFORE, SHOWN = 40, 120
"""Characters before that place, and of all that is shown."""


@dataclass(frozen=True)
class Pair:
    """What base and head did with one input."""

    base: Called
    head: Called
    digest: str = ""
    """Of a recorded call: the digest of its arguments."""

    @property
    def kind(self) -> str:
        """As `Difference.kind`; empty where they answer alike, or one of them did not answer."""
        base, head = self.base, self.head
        if not {base.how, head.how} <= ENDED or (base.how == "raised" and base.raised in MISPLACED):
            return ""
        if base.how == head.how:
            return self._same_way()
        if base.how == "returned":
            if head.how == "endless":
                return "hang"
            return "refuses" if head.explicit else "crash"
        if head.how == "returned":
            return "accepts"
        return "error" if base.how == "raised" else ""

    def _same_way(self) -> str:
        if self.base.how == "returned":
            return "" if self.base.digest == self.head.digest or alike(self.base, self.head) else "value"
        return "error" if self.base.raised != self.head.raised else ""

    @property
    def source(self) -> str:
        """The arguments as source; empty where they have none."""
        return self.base.source

    @property
    def size(self) -> tuple[int, int]:
        """How much a reader has to take in."""
        return generating.size(self.source) if self.source else (10**6, len(self.base.arguments))

    @property
    def origin(self) -> str:
        """Where the input comes from."""
        return self.base.origin

    @property
    def sort(self) -> tuple[str, str]:
        """What tells one problem from another: the kind, and what head raises."""
        return self.kind, self.head.raised


def alike(base: Called, head: Called) -> bool:
    """Whether two results are equal up to the rounding of floating-point numbers, and the arguments as well."""
    if not base.answer or not head.answer or (base.changed, base.after) != (head.changed, head.after):
        return False
    return generating.close(base.answer, head.answer, CLOSE)


def ended(called: Called) -> str:
    """What came of a call, in words."""
    if called.how == "returned":
        return f"returns {called.result or called.answer}"
    return f"raises {called.raised}" if called.how == "raised" else "does not end in time"


def left(called: Called) -> str:
    """How a call leaves its arguments, in words."""
    if not called.changed:
        return "its arguments as they were"
    return f"its arguments then {clean(called.after, 120)}" if called.after else "its arguments changed"


def where_apart(one: str, other: str) -> tuple[str, str]:
    """Two long texts around the first place at which they are not the same."""
    same = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    start = max(0, same - BEFORE)

    def part(text: str) -> str:
        return (
            ("..." if start else "") + text[start : start + SHOWN] + ("..." if len(text) > start + SHOWN else "")
        )

    return part(one), part(other)


def told(pair: Pair, intended: str) -> Difference:
    """The difference as a reader sees it."""
    base, head = ended(pair.base), ended(pair.head)
    if pair.base.answer and pair.head.answer and pair.base.answer != pair.head.answer and len(base + head) > LONG:
        base, head = (f"returns {part}" for part in where_apart(pair.base.answer, pair.head.answer))
    if base == head:
        base, head = f"{base}, {left(pair.base)}", f"{head}, {left(pair.head)}"
    return Difference(
        # An object that `__init__` is about to fill shows nothing yet.
        arguments=re.sub(r"<(\w+): repr raised \w+>", r"a new \1", pair.base.arguments),
        base=clean(base, 300),
        head=clean(head, 300),
        kind=pair.kind,
        origin=pair.origin,
        intended=intended,
        source=pair.source,
        needs=pair.base.needs,
    )


def table(pairs: Iterable[Pair], demanded: Demanded) -> tuple[Difference, ...]:
    """A few differences of each kind, the smallest first, no two of which look the same."""
    found: list[Difference] = []
    counts: dict[str, int] = {}
    seen: set[tuple[str, str, str]] = set()
    for pair in sorted(pairs, key=lambda pair: (pair.size, pair.base.arguments)):
        one = told(pair, demanded.by(pair))
        look = (one.arguments, one.base, one.head)
        if counts.get(one.kind, 0) < OF_A_KIND and look not in seen and len(found) < MOST_TOLD:
            counts[one.kind] = counts.get(one.kind, 0) + 1
            seen.add(look)
            found.append(one)
    return tuple(found)


# ------------------------------------------------------------------------------------------------- intended


@dataclass(frozen=True)
class Demanded:
    """What tests that the branch wrote or rewrote ask of head."""

    calls: dict[str, str]
    """Digest of a call's arguments -> the test that makes it and passes."""
    sorts: dict[tuple[str, str], str]
    """A kind of difference, with what head raises -> a test that passes with it."""

    def by(self, pair: Pair) -> str:
        """The test that asks for a difference; empty where none does."""
        if pair.digest and pair.digest in self.calls:
            return self.calls[pair.digest]
        return self.sorts.get(pair.sort, "")

    @staticmethod
    def of(function_id: str, evidence: Evidence, pairs: Sequence[Pair]) -> Demanded:
        """What the changed tests say of a function; `pairs` are those of recorded calls."""
        calls: dict[str, str] = {}
        sorts: dict[tuple[str, str], str] = {}
        for call in evidence.head.calls.get(function_id, ()):
            if call.digest and passes(call, evidence) and is_changed(call.test, evidence):
                calls.setdefault(call.digest, call.test)
            if call.raised and passes(call, evidence) and is_changed(call.test, evidence):
                for kind in ("crash", "refuses", "error"):
                    sorts.setdefault((kind, call.raised), call.test)
        for pair in pairs:
            if pair.kind and pair.digest in calls:
                sorts.setdefault(pair.sort, calls[pair.digest])
        return Demanded(calls, sorts)


def passes(call: Call, evidence: Evidence) -> bool:
    """Whether the test that makes a call passes at head."""
    result = evidence.head.by_id().get(call.test)
    return result is not None and result.outcome is Outcome.PASSED


def is_changed(test: str, evidence: Evidence) -> bool:
    """Whether the branch wrote a test, or wrote it anew, or took it away."""
    path, _, name = test.partition("::")
    name = name.partition("[")[0]
    return any(change.path == path and change.name == name for change in evidence.test_changes)

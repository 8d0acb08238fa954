"""Mutate: a rewrite's own lines are altered, and the tests that execute it are asked whether they notice.

A green suite says little of lines that it does not watch. Where most altered versions stay green the rewrite
passed weak tests, and the reader is told so (mutation analysis after DeMillo, Lipton and Sayward, 1978).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot import trial
from bot.domain import ChangedFunction, Situation
from bot.endpoints import Proposer
from bot.languages import Unparsable

WIDTH = 24
"""Proposals that are asked for at each line."""
SECONDS = 5.0
"""CPU seconds of one altered version."""
STEPS = 2_000_000


@dataclass(frozen=True)
class Mutated:
    """How many altered versions ran, and how many of them turned a test red."""

    mutants: int = 0
    noticed: int = 0


def mutate(
    stage: trial.Stage,
    function: ChangedFunction,
    source: str,
    proposers: Sequence[Proposer],
    tests: Sequence[str],
    most: int,
) -> Mutated:
    """Altered versions of `source`, a version of the function that all these tests pass, run on them.

    `stage` has been started on the tests. Only lines that `source` does not share with head are altered. Raises
    SandboxError when the container breaks.
    """
    versions = altered(stage.place, function, source, proposers, most)
    if not versions or not tests:
        return Mutated()
    course = trial.Course(tuple(tests), stop_first=True, seconds=SECONDS, step_limit=STEPS)
    mutants = noticed = 0
    for index, reply in stage.preview([trial.Version(source), *versions], course):
        red = reply.status != "ran" or any(not row.outcome.good for row in reply.rows)
        if index == 0 and red:
            return Mutated()  # not even the rewrite itself passes here: nothing can be told
        if index and reply.status not in ("syntax", "unswappable"):
            mutants += 1
            noticed += red
    return Mutated(mutants, noticed)


def altered(
    place: trial.Place, function: ChangedFunction, source: str, proposers: Sequence[Proposer], most: int
) -> tuple[trial.Version, ...]:
    """At most so many altered versions, taken in turn from the lines that are new in `source`."""
    language = place.language
    try:
        lines = [line for line in language.statements(source) if is_new(source, function.head.source, line)]
        module = place.module(source)
        known = {language.normalise(source), language.normalise(function.head.source)}
    except Unparsable:
        return ()
    if function.base is not None:
        known.add(_normal(place, function.base.source))
    rows = [_proposals(function, source, module, proposers, line) for line in lines]
    found: list[trial.Version] = []
    for rank in range(max((len(row) for row in rows), default=0)):
        for row in rows:
            if rank < len(row) and len(found) < most and (key := _normal(place, row[rank].source)) not in known:
                known.add(key)
                found.append(row[rank])
    return tuple(found)


def is_new(source: str, before: str, line: int) -> bool:
    """Whether a line of a text stands nowhere in another one."""
    text = source.split("\n")[line - 1].strip()
    return text not in {row.strip() for row in before.split("\n")}


def _proposals(
    function: ChangedFunction,
    source: str,
    module: str,
    proposers: Sequence[Proposer],
    line: int,
) -> list[trial.Version]:
    found: list[trial.Version] = []
    for proposer in proposers:
        situation = Situation(
            function=function.head,
            source=source,
            line=line,
            module=module,
            base=None,
            finding=None,
            suspiciousness=1.0,
            observed=None,
            width=WIDTH,
        )
        for proposal in proposer.propose(situation):
            edit = proposal.edit
            # Some edits of a line reach beyond it: those would alter what head has, too.
            if edit is not None and not proposal.imports and edit.start == line and edit.end <= line + 1:
                found.append(trial.Version(applied(source, edit.start, edit.end, edit.lines)))
    return found


def applied(source: str, start: int, end: int, lines: Sequence[str]) -> str:
    """A text with its lines `start` to `end` (1-based, end exclusive) replaced."""
    rows = source.split("\n")
    return "\n".join([*rows[: start - 1], *lines, *rows[end - 1 :]])


def _normal(place: trial.Place, source: str) -> str:
    try:
        return place.language.normalise(source)
    except Unparsable:
        return source

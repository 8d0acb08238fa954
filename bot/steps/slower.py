"""Slower: base and head of a changed function are timed side by side, and what got slower is a finding.

Only where both answer alike, on calls that tests make and on the same arguments grown: a function that answers
otherwise is another function, and how long it takes is no comparison. One race that shows something is never
enough; a second one, in a fresh sandbox that hashes texts otherwise, has to show the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bot import racing, trial
from bot.domain import Category, ChangedFunction, Evidence, Finding, Severity, Witness
from bot.kinds import Measured
from bot.languages import Unparsable
from bot.measuring import LEAST_GAIN, Curve, Shown, curves, joined, rounded, shown, timed
from bot.progress import Progress

SHARE = 0.45
"""Of a function's seconds that one race may use; starting sandboxes takes the rest."""
GLANCE = 3.0
"""Seconds of the first, short look: only what it leaves open is raced."""
PATIENT = 4.0
"""How many times as long the first look may take on a busy machine."""
PROCESSES = 2
MUCH = 10.0
"""How many times as long, at the largest scale, makes growth severe."""
SHOWN = 80
"""Characters of arguments in a message."""
EVENTS = {
    "sql": "SQL statements",
    "open": "opened files",
    "connect": "connections",
    "process": "started processes",
}


@dataclass(frozen=True)
class Settings:
    """How long is measured, and what counts."""

    seconds: float = 20.0
    """For one function."""
    least_gain: float = LEAST_GAIN
    seed: int = 0


@dataclass(frozen=True)
class Timed:
    """What times showed."""

    findings: tuple[Finding, ...] = ()
    """Worst first."""
    measured: Mapping[str, Measured] = field(default_factory=dict)
    """Function id -> head against base, for every function that could be measured."""
    left_alone: Mapping[str, str] = field(default_factory=dict)
    """Function id -> why its times were not measured."""


def slower(
    lab: trial.Lab,
    sides: trial.Sides,
    texts: trial.Texts,
    functions: Sequence[ChangedFunction],
    evidence: Evidence,
    settings: Settings,
    progress: Progress,
) -> Timed:
    """What got slower since base. Functions without a version at base, and those whose code is as it was, are
    passed over. Raises SandboxError when the engine fails."""
    findings: list[Finding] = []
    measured: dict[str, Measured] = {}
    left: dict[str, str] = {}
    for function in functions:
        if function.base is None or function.head.path not in texts.text:
            continue
        try:
            pair = versions(sides, texts, function)
        except Unparsable as problem:
            left[function.id] = f"base's version cannot stand in its place: {problem.message}"
            continue
        if pair is None:
            continue
        progress.tick(f"timing {function.head.qualname}")
        outcome = compare(lab, sides.head, place_of(texts, function), pair, evidence, settings)
        if isinstance(outcome, str):
            left[function.id] = outcome
            continue
        seen, found = outcome
        measured[function.id] = seen
        if found is not None:
            findings.append(finding_of(function, found))
            progress.note(f"{function.head.qualname}: {findings[-1].title}")
    findings.sort(key=lambda finding: (-finding.severity.rank, finding.function.id))
    return Timed(tuple(findings), measured, left)


def place_of(texts: trial.Texts, function: ChangedFunction) -> trial.Place:
    """Where head's function stands. Raises Unparsable."""
    path = function.head.path
    language, text = texts.language[path], texts.text[path]
    return trial.Place(language, text, function.head, language.unit(text, function.head))


def versions(
    sides: trial.Sides, texts: trial.Texts, function: ChangedFunction
) -> tuple[trial.Version, trial.Version] | None:
    """(base's, head's) version; None where the code is the same. Raises Unparsable."""
    if function.base is None:
        return None
    path = function.head.path
    language, text = texts.language[path], texts.text[path]
    before = racing.text_at(sides.base, language, function.base.path)
    base = racing.base_version(language, text, function.head, function.base, before)
    head = trial.Version(function.head.source.replace("\r\n", "\n"))
    if language.normalise(base.source) == language.normalise(head.source):
        return None
    return base, head


def compare(
    lab: trial.Lab,
    side: trial.Side,
    place: trial.Place,
    pair: tuple[trial.Version, trial.Version],
    evidence: Evidence,
    settings: Settings,
) -> tuple[Measured, Shown | None] | str:
    """(head against base, what both races show, if anything), or why it was left alone."""
    calls = (evidence.head.calls.get(place.function.id, ()), evidence.base.calls.get(place.function.id, ()))
    inputs = racing.inputs_of(*calls)
    tests = racing.executing(place.function, evidence)
    # Too short a look at a busy machine's sizes would take what is slower on the larger ones for nothing.
    glance = racing.Length(min(GLANCE, SHARE * settings.seconds), settings.seed, patience=PATIENT)
    first = racing.fresh(lab, side, place, tests, pair, inputs, glance)
    seen = curves(first.timings, seed=settings.seed)
    if seen and not any(worth_a_race(curve, settings.least_gain) for curve in seen):
        best = max(seen, key=lambda curve: (curve.last.sizes, -curve.input))
        return joined([best.told], len(seen)), None
    processes: list[tuple[Curve, ...]] = []
    found: Shown | None = None
    for process in range(PROCESSES):
        length = racing.Length(SHARE * settings.seconds, settings.seed, process, patience=2.0, only=first.inputs)
        raced = racing.fresh(lab, side, place, tests, pair, inputs, length)
        rows = curves(raced.timings, seed=settings.seed)
        if not rows:
            return raced.why or "too few calls fitted into the time"
        processes.append(rows)
        found = shown(processes, settings.least_gain)
        if found is None:
            break
    if found is not None and found.rule == "slower" and found.measured.scale > 1 and first.differs:
        found = None  # it can do what it could not: that this takes more time on much data is its price
    best = max(processes[0], key=lambda curve: (curve.last.sizes, -curve.input))
    return joined([best.told], len(processes[0])), found


def worth_a_race(curve: Curve, least_gain: float) -> bool:
    """Whether a short look leaves open that head is slower: nine in ten changes have no part in time at all."""
    return any(
        point.high > 1 + least_gain / 2
        or point.memory_new_kb > 1.5 * point.memory_old_kb
        or any(count > point.events_old.get(name, 0) for name, count in point.events_new.items())
        for point in curve.points
    )


# ---------------------------------------------------------------------------------------------------- findings


def finding_of(function: ChangedFunction, found: Shown) -> Finding:
    """What both races show, told."""
    lines = lines_of(function)
    told = found.measured
    return Finding(
        rule=f"performance/{found.rule}",
        category=Category.PERFORMANCE,
        severity=severity_of(found),
        function=function,
        start_line=lines[0],
        end_line=lines[-1],
        title=title_of(function, found),
        message=message_of(function, found),
        witness=Witness(
            kind="measure",
            tests=(),
            command=f"tryline review --function {shlex.quote(function.id)}",
            failure=f"{timed(told.seconds_old)} at base, {timed(told.seconds_new)} at head",
            repeats=told.repeats,
            measured=told,
        ),
        suspicious_lines=dict.fromkeys(function.changed_lines, 1.0),
        anchor="times",
    )


def lines_of(function: ChangedFunction) -> tuple[int, ...]:
    """The first lines in a row that the change touched; the line of `def` where it touched none of the body."""
    changed = sorted(line for line in function.changed_lines if line >= function.head.body_line)
    changed = changed or sorted(function.changed_lines) or [function.head.def_line]
    return tuple(line for index, line in enumerate(changed) if line == changed[0] + index)


def severity_of(found: Shown) -> Severity:
    """How bad, by what was measured."""
    ratio = found.measured.ratio
    if found.rule == "growth":
        return Severity.HIGH if ratio > MUCH else Severity.MEDIUM
    if found.rule == "slower":
        return Severity.LOW if ratio < 1.5 else Severity.MEDIUM if ratio < 3 else Severity.HIGH
    return Severity.MEDIUM


def title_of(function: ChangedFunction, found: Shown) -> str:
    """A heading: what happens, in the fewest words."""
    name, told = function.head.qualname, found.measured
    if found.rule == "more-queries":
        what = EVENTS.get(found.kind, "calls that reach out")
        return f"`{name}` now makes more {what} the larger its input is"
    if found.rule == "memory":
        return f"`{name}` now needs {rounded(told.memory_new_kb / max(1, told.memory_old_kb))} times the memory"
    if found.rule == "growth":
        return f"`{name}` now takes {longer(told.ratio)} on larger data, and the more the larger it is"
    return f"`{name}` now takes {longer(told.ratio)}"


def message_of(function: ChangedFunction, found: Shown) -> str:
    """What was measured, with which input and how surely; then why it matters."""
    name, told = function.head.qualname, found.measured
    where = f"`{name}({clipped(told.arguments)})`"
    if told.scale > 1:
        where += f" ({told.scale} times the data that a test passes)"
    times = (
        f"{where} takes {timed(told.seconds_new)} at head and {timed(told.seconds_old)} at base: "
        f"{longer(told.ratio)} (99% interval {percent(told.low)} to {percent(told.high)}, {told.pairs} pairs of "
        f"calls side by side in {told.repeats} fresh processes)."
    )
    if found.rule == "more-queries":
        what, kind = EVENTS.get(found.kind, "calls that reach out"), found.kind
        counts = f"{told.events_new.get(kind, 0)} {what} at head and {told.events_old.get(kind, 0)} at base"
        return (
            f"{where} makes {counts}; their number grows with the input, which it did not. "
            "Each of them waits for an answer from elsewhere, so a large input takes as many round trips."
        )
    if found.rule == "memory":
        return (
            f"{where} needs {told.memory_new_kb} KiB at its peak at head and {told.memory_old_kb} KiB at base. "
            "Both give the same result."
        )
    if found.rule == "growth":
        return f"{times} {growth(told)}"
    return f"{times} Both give the same result."


def growth(told: Measured) -> str:
    """What the exponents mean."""
    if told.exponent_old is None or told.exponent_new is None:
        return "Both give the same result."
    return (
        f"Its time now grows with about the power {told.exponent_new:.1f} of the input's size, at base with "
        f"{told.exponent_old:.1f}: 8 times as much data takes {multiple(8**told.exponent_new)} as long, where it "
        f"took {multiple(8**told.exponent_old)} as long."
    )


def multiple(number: float) -> str:
    """`64 times`, or that it is the same."""
    return f"{number:.0f} times" if number >= 1.5 else "about"


def longer(ratio: float) -> str:
    """`30% longer` or `4.1 times as long`."""
    return f"{round(100 * (ratio - 1))}% longer" if ratio < 2 else f"{rounded(ratio)} times as long"


def percent(ratio: float) -> str:
    """A ratio as a change: `+28%`, or as a multiple from twice on."""
    return f"{100 * (ratio - 1):+.0f}%" if ratio < 2 else f"{rounded(ratio)} times"


def clipped(arguments: str) -> str:
    """Arguments for a message, harmless inside back quotes."""
    text = " ".join(arguments.replace("`", "'").split())
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"

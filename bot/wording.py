"""What was measured and what differs, in words: times with their interval, differences, weaknesses, suspicions.

Pure, and nothing here is escaped: what is foreign in it is for whoever shows it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bot.domain import Conclusion, Finding, FunctionReport, ProofLevel, Review, Suspicion, Verdict
from bot.kinds import Difference, Measured

MARGIN = 0.10
"""From which on a rewrite's time is worth a sentence: the interval has to lie beyond it."""
FASTER = "performance/faster"
"""The rule of findings that compare a rewrite with head; all others compare head with base."""
_MEMORY_KB = 1024
"""From which difference on memory is worth a row."""
_RAN = ("tests/", "calls/")
"""Rules of suspicions that a red test of the repository gave rise to: that it did not come back is always told."""
_EVENTS = {
    "sql": "SQL statements",
    "open": "files opened",
    "connect": "connections made",
    "process": "processes started",
}
_KINDS = {
    "crash": "crashes",
    "hang": "does not end",
    "value": "another answer",
    "refuses": "refuses it",
    "accepts": "accepts it",
    "error": "fails otherwise",
}
"""What a difference is called, most harmful first."""


# ------------------------------------------------------------------------------------------------------ times


def pace(measured: Measured, other: str) -> str:
    """How fast it is, never without the interval: `takes 2.4 times as long as base (99% interval: 2.1 to 2.8)`."""
    ratio, low, high = (min(max(value, 1e-9), 1e9) for value in (measured.ratio, measured.low, measured.high))
    if ratio >= 1.5:
        return f"takes {number(ratio)} times as long as {other} ({_interval(low, high, number)})"
    if ratio >= 1:
        return f"takes {percent(ratio - 1)} longer than {other} ({_interval(low - 1, high - 1, percent)})"
    if ratio > 0.67:
        return f"takes {percent(1 - ratio)} less time than {other} ({_interval(1 - high, 1 - low, percent)})"
    return f"is {number(1 / ratio)} times as fast as {other} ({_interval(1 / high, 1 / low, number)})"


def ratio(measured: Measured) -> str:
    """The new time over the old one with its interval, for a table: `9.6 (9.1 to 10.3)`."""
    low, high = (number(min(max(value, 0.0), 1e9)) for value in (measured.low, measured.high))
    return f"{number(min(max(measured.ratio, 0.0), 1e9))} ({low} to {high})"


def _interval(low: float, high: float, said: Callable[[float], str]) -> str:
    return f"99% interval: {said(low)} to {said(high)}"


def number(value: float) -> str:
    """A factor as a reader wants it: `1.25`, `9.6`, `120`."""
    if not math.isfinite(value) or abs(value) >= 1e7:
        return f"{value:.0e}"
    return f"{value:.2f}" if abs(value) < 2 else f"{value:.1f}" if abs(value) < 20 else f"{value:,.0f}"


def percent(share: float) -> str:
    """A share as a reader wants it: `12%`."""
    return f"{min(share, 1e6) * 100:.0f}%"


def duration(seconds: float) -> str:
    """`85 µs`, `2.1 ms`, `1.3 s`."""
    seconds = min(max(seconds, 0.0), 1e7)
    unit, factor = next(
        ((unit, factor) for unit, factor in (("s", 1.0), ("ms", 1e3)) if seconds * factor >= 1), ("µs", 1e6)
    )
    value = seconds * factor
    return f"{value:.0f} {unit}" if value >= 20 else f"{value:.1f} {unit}"


def size(kilobytes: int) -> str:
    """`210 kB`, `1.4 MB`."""
    return f"{kilobytes} kB" if kilobytes < 1000 else f"{kilobytes / 1000:,.1f} MB"


def sides(finding: Finding) -> tuple[str, str]:
    """What a finding of times compares: the old side and the new one."""
    return ("head", "rewrite") if finding.rule == FASTER else ("base", "head")


def rows(measured: Measured) -> list[tuple[str, str, str]]:
    """A small table: what, on the old side, on the new one. Only what says something."""
    table = [("one call", duration(measured.seconds_old), duration(measured.seconds_new))]
    exponents = (measured.exponent_old, measured.exponent_new)
    if any(exponent is not None for exponent in exponents):
        table.append(("grows with the size n as", _power(exponents[0]), _power(exponents[1])))
    table += [
        (_EVENTS.get(event, f"{event}, times"), str(old), str(new))
        for event in sorted({*measured.events_old, *measured.events_new})
        if (old := measured.events_old.get(event, 0)) != (new := measured.events_new.get(event, 0))
    ]
    memory = (measured.memory_old_kb, measured.memory_new_kb)
    if min(memory) > 0 and max(memory) >= max(1.2 * min(memory), min(memory) + _MEMORY_KB):
        table.append(("memory at most", size(memory[0]), size(memory[1])))
    return table[:8]


def _power(exponent: float | None) -> str:
    return "no clear law" if exponent is None else f"n^{round(min(max(exponent, -99), 99), 1) + 0.0:.1f}"


def method(measured: Measured) -> str:
    """How it was measured, in our words; the input itself is not in it."""
    parts = [f"CPU time, {measured.pairs} interleaved pairs in {measured.repeats} fresh process"]
    parts[0] += "" if measured.repeats == 1 else "es"
    if len(measured.sizes) > 1:
        parts.append("sizes " + ", ".join(f"{size:,}" for size in measured.sizes[:8]))
    if measured.inputs:
        parts.append(f"equal answers on {measured.inputs} input{'s' if measured.inputs > 1 else ''}")
    return "; ".join(parts)


def grown(measured: Measured) -> str:
    """By how much the input was grown: `, grown 16 times`; empty for a recorded one."""
    return f", a recorded input grown {measured.scale} times" if measured.scale > 1 else ""


# --------------------------------------------------------------------------------------------------- rewrites


def verified(verdict: Verdict) -> str:
    """The words before `passed 24 tests` where tests also ran with the function in a process of its own, else
    empty: that alone is called verified."""
    if verdict.level is not ProofLevel.APART or not verdict.tests_apart:
        return ""
    tests = f"{verdict.tests_apart} test{'' if verdict.tests_apart == 1 else 's'}"
    return f"is verified against {tests} with the function in a process of its own, and "


def besides(verdict: Verdict) -> str:
    """What a verdict says besides that all passed, where it is worth saying; empty else."""
    return " ".join(filter(None, (_times(verdict.measured), weakly(verdict))))


def _times(measured: Measured | None) -> str:
    if measured is None or not (measured.high < 1 - MARGIN or measured.low > 1 + MARGIN):
        return ""
    return f"It {pace(measured, 'head')}."


def weakly(verdict: Verdict) -> str:
    """That the tests would hardly notice a wrong rewrite; empty where they would, or where nobody asked."""
    if not verdict.mutants or 2 * verdict.noticed >= verdict.mutants:
        return ""
    only = f"only {verdict.noticed}" if verdict.noticed else "none"
    return f"Weakly tested: the tests notice {only} of {verdict.mutants} altered versions of these lines."


# ------------------------------------------------------------------------------------------------- weaknesses


def weakness(cwe: int) -> str:
    """`CWE-78`; empty where none is named."""
    return f"CWE-{cwe}" if cwe else ""


def weakness_url(cwe: int) -> str:
    """Where the weakness is described."""
    return f"https://cwe.mitre.org/data/definitions/{cwe}.html"


def exact(payload: str) -> str:
    """A payload on one line, with what cannot be seen as escapes: none of it is lost."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in payload
    )


def shown_by(finding: Finding) -> str:
    """What shows it, in few words: `2 tests, 2 of 2 runs`."""
    witness = finding.witness
    if witness.kind == "measure":
        pairs = f"{witness.measured.pairs} pairs of calls" if witness.measured is not None else "times"
        return f"{pairs}, {witness.repeats} of {witness.repeats} processes"
    made = {"input": "a call", "attack": "an exploit"}.get(witness.kind)
    tests = f"{len(witness.tests)} test{'s' if len(witness.tests) != 1 else ''}"
    return f"{made or tests}, {witness.repeats} of {witness.repeats} runs"


# ------------------------------------------------------------------------------------------------ differences


@dataclass(frozen=True)
class Altered:
    """One input on which a function answers otherwise."""

    report: FunctionReport
    difference: Difference

    @property
    def what(self) -> str:
        """The kind in words; a word of somebody else's is none of ours."""
        return _KINDS.get(self.difference.kind, "otherwise")


@dataclass(frozen=True)
class Alterations:
    """What a table of them says."""

    rows: tuple[Altered, ...]
    """Those that are shown."""
    more: int
    """Those that are not."""
    functions: int
    demanded: bool
    """Whether tests of the branch demand all of them."""

    @property
    def count(self) -> int:
        """All of them."""
        return len(self.rows) + self.more

    @property
    def heading(self) -> str:
        """The table in few words."""
        what = "1 function answers" if self.functions == 1 else f"{self.functions} functions answer"
        return f"This change alters what {what}"


def alterations(review: Review, most: int) -> Alterations:
    """The table of altered answers, with at most so many rows."""
    found = altered(review)
    return Alterations(
        found[:most],
        max(0, len(found) - most),
        len({row.report.function.id for row in found}),
        all(row.difference.intended for row in found),
    )


def altered(review: Review) -> tuple[Altered, ...]:
    """Inputs on which functions answer otherwise than at base, what no test demands first, then the most harmful.

    Where a finding tells that a function crashes or hangs, that is not told again.
    """
    told = {item.finding.function.id for item in review.findings if item.finding.rule.startswith("behaviour/")}
    kinds = list(_KINDS)
    # Inputs may differ in what no reader sees, like the number of blanks: told once.
    found = {
        (report.function.id, *_seen(difference)): Altered(report, difference)
        for report in review.functions
        for difference in report.differences
        if not (difference.kind in ("crash", "hang") and report.function.id in told)
    }

    def order(row: Altered) -> tuple[bool, int]:
        kind = row.difference.kind
        return bool(row.difference.intended), kinds.index(kind) if kind in kinds else len(kinds)

    return tuple(sorted(found.values(), key=order))


def _seen(difference: Difference) -> tuple[str, ...]:
    """What a reader sees of it."""
    texts = (difference.kind, difference.arguments, difference.base, difference.head)
    return tuple(" ".join(text[:500].split()) for text in texts)


def left_alone(review: Review) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Why functions were not compared or not timed, and which: each reason once.

    Many functions cannot be: a review that has nothing else to say does not get longer by it. The saved result
    has it always.
    """
    if review.conclusion is Conclusion.CLEAN and not any(report.differences for report in review.functions):
        return ()
    found: dict[str, list[str]] = {}
    for report in review.functions:
        if report.left_alone:
            found.setdefault(report.left_alone, []).append(report.function.id)
    return tuple((reason, tuple(functions)) for reason, functions in found.items())


def suspected(suspicions: Sequence[Suspicion], *, everything: bool) -> tuple[Suspicion, ...]:
    """The suspicions that are told, each once: where a red test gave rise to them; others if wanted."""
    once: dict[tuple[str, str, str], Suspicion] = {}
    for one in suspicions:
        if everything or one.rule.startswith(_RAN):
            once.setdefault((one.function.id, one.rule, one.message), one)
    return tuple(once.values())


# -------------------------------------------------------------------------------------------------- one cause


_OURS = ("input", "attack", "measure")


def of_one_cause(finding: Finding, other: Finding) -> bool:
    """Whether both tell of the same: one kind of harm, in the same lines of one function.

    Tests of the repository stand for themselves; what we made ourselves may show one defect in several ways.
    """
    return (
        finding.category is other.category
        and finding.function.id == other.function.id
        and finding.start_line <= other.end_line
        and other.start_line <= finding.end_line
        and (finding.witness.kind in _OURS or other.witness.kind in _OURS)
    )


def factor(finding: Finding) -> float:
    """By how much times differ, either way; 1 for a finding of another kind."""
    measured = finding.witness.measured
    if measured is None or not 0 < measured.ratio < math.inf:
        return 1.0
    return max(measured.ratio, 1 / measured.ratio)


def numbers(finding: Finding) -> Iterator[str]:
    """What was measured for a finding, line by line, for texts without tables."""
    measured = finding.witness.measured
    if measured is not None:
        old, new = sides(finding)
        yield f"{new} {pace(measured, old)}"
        yield from (f"{what}: {old} {before}, {new} {now}" for what, before, now in rows(measured))
        yield method(measured)

"""Findings and functions as the page shows them: code with its marks, the diff, the tests, numbers as text."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot import render, wording
from bot.audited import Attention, Audit, AuditedFinding, AuditedFunction
from bot.domain import Finding, Judgement, Outcome, Rejected, Reviewed, Rewrite, Severity
from bot.report import plots, texts
from bot.report.picture import Picture, picture
from bot.templating import Markup

MOST_ROWS = 240
"""Lines of a function that are shown; of a longer one those around what matters."""
AROUND = 8
CONTEXT = 3
MOST_TESTS = 60
"""Tests of a verdict that are named; the rest is counted."""
MOST_MATRIX = 40
"""Findings in the overview's matrix."""
MOST_FUNCTIONS = 1_000
"""Rows of an audit's table."""
SIDES = ("base", "head", "rewrite")
FACTORS = ("complexity", "churn", "uncovered", "callers", "history", "age")


@dataclass(frozen=True)
class CodeRow:
    """One line of code; without a number a gap."""

    number: str
    text: Markup
    style: str
    note: str
    """What its mark means, in words."""


@dataclass(frozen=True)
class DiffRow:
    """One line of a diff."""

    old: str
    new: str
    sign: str
    text: Markup
    style: str


@dataclass(frozen=True)
class TestRow:
    """One test over the versions."""

    id: str
    cells: tuple[tuple[str, str], ...]
    """(class, word) for base, head and rewrite."""
    witness: bool


@dataclass(frozen=True)
class Shown:
    """One finding with all that its part of the page says."""

    anchor: str
    number: int
    item: Reviewed
    standing: str
    since: str
    outcome: str
    """What became of it: `verified`, `rewrite`, `revert` or `none`."""
    outcome_words: str
    code: tuple[CodeRow, ...]
    diff: tuple[DiffRow, ...]
    columns: tuple[str, ...]
    """The versions on which the tests ran."""
    tests: tuple[TestRow, ...]
    more_tests: int
    picture: Picture | None
    rejected: tuple[tuple[str, tuple[DiffRow, ...], tuple[Judgement, ...]], ...]
    witness_code: tuple[Markup, ...]
    also: tuple[tuple[str, tuple[Markup, ...]], ...]


@dataclass(frozen=True)
class MatrixLine:
    """One finding in the overview's matrix."""

    anchor: str
    number: int
    title: Markup
    severity: str
    sides: tuple[tuple[str, str], ...]
    """(class, word) for base, where one is, head and rewrite."""
    checks: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Verdicts:
    """The overview's matrix."""

    sides: tuple[str, ...]
    checks: tuple[str, ...]
    lines: tuple[MatrixLine, ...]


@dataclass(frozen=True)
class FunctionRow:
    """One function of an audit."""

    rank: int
    name: str
    place: str
    score: str
    width: str
    factors: tuple[str, ...]
    bars: str
    """A path with one bar for each factor, in 8 by 16."""
    said: str
    """The factors in words, with their measures."""
    attention: str
    words: str
    tests: str
    time: str
    findings: tuple[tuple[str, int], ...]
    """(anchor, number) of findings in it."""
    when: str
    why: str


# ------------------------------------------------------------------------------------------------------- findings


def ordered(findings: Sequence[Reviewed], audit: Audit | None) -> list[tuple[Reviewed, AuditedFinding | None]]:
    """Findings as they are read: worst first; in an audit with their standing."""
    if audit is None:
        return [(item, None) for item in render.rank(findings)]
    return [(one.item, one) for one in audit.findings]


def anchors(items: Sequence[Reviewed]) -> list[str]:
    """An id of the page for each, unique."""
    seen: dict[str, int] = {}
    made = []
    for item in items:
        name = f"finding-{item.finding.id}"
        seen[name] = seen.get(name, 0) + 1
        made.append(name if seen[name] == 1 else f"{name}-{seen[name]}")
    return made


def shown(
    number: int, anchor: str, item: Reviewed, audited: AuditedFinding | None, *, brief: bool = False
) -> Shown:
    """One finding; `brief` without code, diff, tests and picture."""
    finding, rewrite = item.finding, item.rewrite
    outcome, words = became(item)
    rows, more = ((), 0) if brief else tests(rewrite, finding)
    head = finding.function.head
    search = None if brief else item.search
    return Shown(
        anchor=anchor,
        number=number,
        item=item,
        standing=audited.standing.value if audited is not None else "",
        since=date(audited.since) if audited is not None else "",
        outcome=outcome,
        outcome_words=words,
        code=() if brief else code(finding),
        diff=() if brief or rewrite is None else diff(head.source, rewrite.candidate.source, head.start_line),
        columns=SIDES[3 - len(rows[0].cells) :] if rows else (),
        tests=rows,
        more_tests=more,
        picture=picture(
            search, head.start_line, _lf(head.source), rewrite.candidate.source if rewrite is not None else ""
        )
        if search is not None
        else None,
        rejected=() if brief else tuple(refused(one, head.source, head.start_line) for one in item.rejected[:6]),
        witness_code=() if brief or not finding.witness.code else texts.code(finding.witness.code, 200),
        also=()
        if brief or rewrite is None
        else tuple(
            (texts.line(f"{h.path}, line {h.start_line}"), texts.code(h.replacement, 20)) for h in rewrite.also
        ),
    )


def became(item: Reviewed) -> tuple[str, str]:
    """What became of a finding: a class, and words."""
    if item.ignored:
        return "none", "ignored by request"
    rewrite = item.rewrite
    if rewrite is None:
        return "none", "no rewrite"
    if rewrite.label == "revert":
        return "revert", "restoring base passed"
    if wording.verified(rewrite.verdict):
        return "verified", "verified rewrite"
    return "rewrite", "rewrite passed the tests"


def _lf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def code(finding: Finding) -> tuple[CodeRow, ...]:
    """The function at head with what is suspicious, changed and pointed at."""
    head = finding.function.head
    rows = texts.code(head.source)
    numbers = range(head.start_line, head.start_line + len(rows))
    changed = set(finding.function.changed_lines)
    if changed.issuperset(numbers):
        changed = set()  # all of it is new, or nothing was compared: a mark on every line says nothing
    wanted = set(numbers)
    if len(rows) > MOST_ROWS:
        points = {finding.start_line, finding.end_line, *finding.suspicious_lines} & wanted
        around = {n for point in sorted(points)[:20] for n in range(point - AROUND, point + AROUND + 1)}
        wanted &= {*range(head.start_line, head.start_line + 4), *around}
    made: list[CodeRow] = []
    last = head.start_line - 1
    for number, text in zip(numbers, rows, strict=True):
        if number not in wanted:
            continue
        if number != last + 1:
            made.append(CodeRow("", Markup("… {}").format(render.counted(number - last - 1, "line")), "gap", ""))
        last = number
        score = finding.suspicious_lines.get(number, 0.0)
        pointed = finding.start_line <= number <= finding.end_line
        notes = [
            *(["the finding"] if pointed else []),
            *([f"suspicious {min(score, 1.0):.2f}"] if score > 0 else []),
            *(["changed"] if number in changed else []),
        ]
        style = " ".join(
            filter(
                None,
                (
                    "at" if pointed else "",
                    f"heat-{min(3, max(1, round(score * 3)))}" if score > 0 else "",
                    "changed" if number in changed else "",
                ),
            )
        )
        made.append(CodeRow(str(number), text, style, ", ".join(notes)))
    return tuple(made)


def diff(old: str, new: str, start_line: int) -> tuple[DiffRow, ...]:
    """What becomes of a function, with the numbers of the file."""
    before, after = texts.code(old), texts.code(new)
    rows: list[DiffRow] = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for group in matcher.get_grouped_opcodes(CONTEXT):
        if rows:
            rows.append(DiffRow("", "", "", Markup("…"), "gap"))
        for tag, a1, a2, b1, b2 in group:
            if tag == "equal":
                rows += [
                    DiffRow(str(start_line + a), str(start_line + b), "", after[b], "")
                    for a, b in zip(range(a1, a2), range(b1, b2), strict=True)
                ]
                continue
            rows += [DiffRow(str(start_line + a), "", "-", before[a], "del") for a in range(a1, a2)]
            rows += [DiffRow("", str(start_line + b), "+", after[b], "add") for b in range(b1, b2)]
    return tuple(rows[:MOST_ROWS])


def refused(one: Rejected, source: str, start_line: int) -> tuple[str, tuple[DiffRow, ...], tuple[Judgement, ...]]:
    """A candidate that a check refused: why, what it was, what the checks said."""
    return texts.line(one.reason, 400), diff(source, one.candidate.source, start_line), one.verdict.judgements


def tests(rewrite: Rewrite | None, finding: Finding) -> tuple[tuple[TestRow, ...], int]:
    """The tests of the verdict, the witness and those that differ first; how many are not named."""
    if rewrite is None:
        return (), 0
    witness = set(finding.witness.tests)

    def order(row: tuple[int, tuple[Outcome | None, ...], bool]) -> tuple[bool, bool, int]:
        place, outcomes, told = row
        ran = {outcome for outcome in outcomes if outcome is not None}
        return not told, len(ran) <= 1, place

    rows = [
        (place, (row.base, row.head, row.candidate), row.test in witness)
        for place, row in enumerate(rewrite.verdict.matrix)
    ]
    rows.sort(key=order)
    skip = int(all(row.base is None for row in rewrite.verdict.matrix))
    made = tuple(
        TestRow(texts.line(rewrite.verdict.matrix[place].test, 300), tuple(map(cell, outcomes[skip:])), told)
        for place, outcomes, told in rows[:MOST_TESTS]
    )
    return made, len(rows) - len(made)


def cell(outcome: Outcome | None) -> tuple[str, str]:
    """An outcome: its class and its word."""
    if outcome is None:
        return "unrun", "not run"
    return ("good" if outcome.good else "bad" if outcome.bad else "part"), outcome.value


# --------------------------------------------------------------------------------------------------------- matrix


def matrix(items: Sequence[tuple[str, Reviewed]]) -> Verdicts:
    """The first findings over the versions, and what each check said."""
    first = items[:MOST_MATRIX]
    verdicts = [
        item.rewrite.verdict if item.rewrite else item.rejected[0].verdict if item.rejected else None
        for _, item in first
    ]
    names = list(dict.fromkeys(j.check for v in verdicts if v is not None for j in v.judgements))[:16]
    shown = [_sides(item) for _, item in first]
    skip = int(all(base[0] == "unrun" for base, *_ in shown))
    lines = []
    for number, ((anchor, item), verdict, sides) in enumerate(zip(first, verdicts, shown, strict=True), 1):
        said = {j.check: j.ok for j in verdict.judgements} if verdict is not None else {}
        checks = tuple(
            ("unrun", "not run") if name not in said else ("good", "ok") if said[name] else ("bad", "refused")
            for name in names
        )
        title = texts.prose(item.finding.title, 140)
        lines.append(MatrixLine(anchor, number, title, item.finding.severity.value, sides[skip:], checks))
    return Verdicts(SIDES[skip:], tuple(texts.line(name, 40) for name in names), tuple(lines))


def _sides(item: Reviewed) -> tuple[tuple[str, str], ...]:
    """What the witness showed on base and head, and what the rewrite came to."""
    witness = item.finding.witness
    if item.finding.rule == wording.FASTER:
        base, head = ("unrun", "–"), ("part", "slow")
    elif witness.kind == "measure":
        base, head = ("good", "quick"), ("bad", "slow")
    else:
        has_base = item.finding.function.base is not None
        base = ("good", "green") if has_base else ("unrun", "–")
        head = ("bad", "red")
    if item.rewrite is not None:
        return base, head, ("good", f"{item.rewrite.verdict.tests_run} passed")
    if item.rejected:
        return base, head, ("bad", "refused")
    return base, head, ("unrun", "none")


# ---------------------------------------------------------------------------------------------------------- audit

_ATTENTION = {
    Attention.AUDITED: ("good", "audited"),
    Attention.UNCHANGED: ("same", "unchanged"),
    Attention.OVER_BUDGET: ("part", "not reached"),
    Attention.FAILED: ("bad", "could not"),
}


def functions(audit: Audit, places: Mapping[str, Sequence[tuple[str, int]]]) -> tuple[FunctionRow, ...]:
    """The ranked functions; `places` says where the findings of each are."""
    names = [name for name in FACTORS if any(name in row.risk.factors for row in audit.functions[:200])]
    return tuple(
        _function(rank, row, names, places.get(row.function.id, ()))
        for rank, row in enumerate(audit.functions[:MOST_FUNCTIONS], 1)
    )


def _function(
    rank: int, row: AuditedFunction, names: Sequence[str], found: Sequence[tuple[str, int]]
) -> FunctionRow:
    style, words = _ATTENTION[row.attention]
    bars, said = "", []
    for place, name in enumerate(names):
        share = min(1.0, max(0.0, row.risk.factors.get(name, 0.0)))
        measure = row.risk.measures.get(name)
        said.append(f"{name} {measure:g}" if measure is not None else f"{name} {share:.2f}")
        bars += f"M{8 * place} 16v-{16 * share:.1f}h6v{16 * share:.1f}z"
    function = row.function
    return FunctionRow(
        rank=rank,
        name=texts.line(function.qualname, 120),
        place=texts.line(f"{function.path}:{function.start_line}", 200),
        score=f"{row.risk.score:.2f}",
        width=f"{60 * min(1.0, max(0.0, row.risk.score)):.1f}",
        factors=tuple(names),
        bars=bars,
        said=", ".join(said),
        attention=style,
        words=words,
        tests=str(row.tests) if row.tests else "none",
        time=plots.seconds(row.seconds) if row.seconds else "",
        findings=tuple(found[:6]),
        when=date(row.when),
        why=texts.line(row.why, 200),
    )


def date(when: str) -> str:
    """A time as a reader wants it: the day and the minute."""
    return texts.line(when.replace("T", " ")[:16], 16)


def severities(findings: Sequence[Reviewed]) -> list[tuple[str, int]]:
    """How many there are of each, the worst first."""
    return [
        (severity.value, count)
        for severity in reversed(Severity)
        if (count := sum(1 for item in findings if item.finding.severity is severity))
    ]

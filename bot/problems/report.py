"""The experiment in Markdown: every arm, what it cost, and whether guidance was shown to help; never more."""

from __future__ import annotations

import statistics as plain
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.problems import statistics
from bot.problems.arms import PRIMARY, RIVALS
from bot.problems.journal import Cell, Record

SEED = 20_250_101
"""Of the bootstrap: equal files give equal figures."""
MOST_LISTED = 12
MOST_PARTS = 5
"""Parts of the budget for which it is told what was found within."""


@dataclass(frozen=True)
class Row:
    """One arm's figures."""

    arm: str
    answers: int
    failed: int
    right: statistics.Interval
    """Share of problems whose answer passes what was held back."""
    visible: float
    """Share of problems whose answer passes what was shown."""
    overfit: float
    """Of the answers that pass what was shown: the share that fails what was held back."""
    tokens: float
    """Median of a cell, in and out."""
    requests: float
    executions: float
    seconds: float


@dataclass(frozen=True)
class Within:
    """What each arm had found by the time that it had used so much.

    An arm stops as soon as something passes, so this is what it comes to at a budget of so much.
    """

    measure: str
    """`tokens`, in and out, or `executions`."""
    limit: int
    right: Mapping[str, statistics.Interval]
    """Arm -> share of problems."""


@dataclass(frozen=True)
class Figures:
    """Everything that table, verdict and plot show."""

    rows: tuple[Row, ...]
    differences: Mapping[tuple[str, str], statistics.Difference]
    """(guided arm, other arm) -> the first against the second."""
    problems: int
    """Problems with an answer in every arm: on these arms are compared."""
    record: Record
    within: tuple[Within, ...] = ()
    """Parts of the budget at which arms differ, or have not found all yet, measure by measure, smallest first."""

    @property
    def guided(self) -> str | None:
        """The arm that the claim is about."""
        names = [row.arm for row in self.rows]
        return next((name for name in PRIMARY if name in names), None)


def figures(record: Record, *, seed: int = SEED, resamples: int = statistics.RESAMPLES) -> Figures:
    """The figures of a file. Arms are compared on the problems for which all have every seed answered."""
    arms = tuple(record.header.configuration.get("arms", {}))
    seeds = len(record.header.configuration.get("seeds", [])) or 1
    answered = [cell for cell in record.cells if not cell.failure and cell.problem not in record.excluded]
    by_arm = {arm: _by_problem([cell for cell in answered if cell.arm == arm], seeds) for arm in arms}
    ran = {arm: problems for arm, problems in by_arm.items() if problems}
    common = set.intersection(*(set(problems) for problems in ran.values())) if ran else set()
    scores = {
        arm: {name: plain.fmean(cell.hidden for cell in problems[name]) for name in common}
        for arm, problems in ran.items()
        if common
    }
    rows = []
    for arm, shares in scores.items():
        cells = [cell for name in sorted(common) for cell in ran[arm][name]]
        failed = sum(bool(cell.failure) for cell in record.cells if cell.arm == arm)
        rows.append(_row(arm, cells, failed, statistics.rate(shares, seed=seed, resamples=resamples)))
    guided_arms = [arm for arm in PRIMARY if arm in scores]
    differences = {
        (guided, other): statistics.difference(scores[guided], scores[other], seed=seed, resamples=resamples)
        for guided in guided_arms
        for other in scores
        # The claim's arm is told against all, the further ones against those that matter.
        if other != guided and (guided == guided_arms[0] or other in RIVALS)
    }
    kept = {arm: [cell for name in sorted(common) for cell in ran[arm][name]] for arm in scores}
    within = tuple(
        Within(
            measure,
            limit,
            {arm: _by(measure, cells, limit, seed=seed, resamples=resamples) for arm, cells in kept.items()},
        )
        for measure in ("tokens", "executions")
        for limit in _parts([_used(measure, cell) for cells in kept.values() for cell in cells if cell.hidden])
    )
    return Figures(tuple(rows), differences, len(common), record, within)


def _used(measure: str, cell: Cell) -> int:
    """What a cell used."""
    return cell.executions if measure == "executions" else cell.tokens_in + cell.tokens_out


def _by(measure: str, cells: Sequence[Cell], limit: int, *, seed: int, resamples: int) -> statistics.Interval:
    """Share of problems right within a limit."""
    found: dict[str, list[bool]] = {}
    for cell in cells:
        found.setdefault(cell.problem, []).append(cell.hidden and _used(measure, cell) <= limit)
    shares = {name: plain.fmean(values) for name, values in found.items()}
    return statistics.rate(shares, seed=seed, resamples=resamples)


def _parts(used: Sequence[int]) -> list[int]:
    """Round numbers (1, 2 and 5 times powers of ten) between the least and the most that a right answer took."""
    if not used:
        return []
    steps = [digit * 10**power for power in range(12) for digit in (1, 2, 5)]
    between = [step for step in steps if min(used) <= step < max(used)]
    # The smallest tell most: later on, all arms have found what they find.
    return between[:MOST_PARTS]


def _by_problem(cells: Sequence[Cell], seeds: int) -> dict[str, list[Cell]]:
    """Problem -> its answers, for problems of which every seed is answered."""
    rows: dict[str, list[Cell]] = {}
    for cell in cells:
        rows.setdefault(cell.problem, []).append(cell)
    return {name: found for name, found in rows.items() if len(found) == seeds}


def _row(arm: str, cells: Sequence[Cell], failed: int, right: statistics.Interval) -> Row:
    visible = [cell for cell in cells if cell.visible]
    return Row(
        arm,
        len(cells),
        failed,
        right,
        len(visible) / len(cells),
        sum(cell.overfit for cell in visible) / len(visible) if visible else 0.0,
        plain.median(cell.tokens_in + cell.tokens_out for cell in cells),
        plain.median(cell.requests for cell in cells),
        plain.median(cell.executions for cell in cells),
        plain.median(cell.seconds for cell in cells),
    )


# -------------------------------------------------------------------------------------------------- verdict


def verdict(found: Figures) -> str:
    """Whether guidance helps, in words: only when the guided arm beats every rival, else what was not shown."""
    guided = found.guided
    if guided is None:
        return "No arm with guidance has answers, so nothing is said about guidance."
    missing = [name for name in RIVALS if (guided, name) not in found.differences]
    if missing:
        names = " and ".join(f"`{name}`" for name in missing)
        return f"**It was not tested whether guidance helps:** {names} did not run beside `{guided}`."
    rows = [(name, found.differences[guided, name]) for name in RIVALS]
    unshown = [(name, row) for name, row in rows if not row.shown]
    count = found.problems
    if not unshown:
        against = ", ".join(f"`{name}` by {_points(row.interval)}" for name, row in rows)
        return (
            f"**Guidance helps on this set with this model:** on {count} problems `{guided}` beats {against}, at "
            "equal budgets, judged by tests that were held back."
        )
    parts = [f"that it beats `{name}` ({_points(row.interval)}, p = {row.p:.2g})" for name, row in unshown]
    said = f"**It was not shown that guidance helps.** For `{guided}` it was not shown {', nor '.join(parts)}."
    placebo = found.differences[guided, "placebo"]
    if not placebo.shown and any(row.shown for name, row in rows if name != "placebo"):
        said += " What it gains over others may come from a longer prompt or more candidates, not from traces."
    worse = [name for name, row in rows if row.interval.high < 0 and row.p < 1 - statistics.LEVEL]
    if worse:
        said += f" It was shown to be worse than {' and '.join(f'`{name}`' for name in worse)}."
    return said


def power(found: Figures) -> str:
    """How small a difference this experiment could have seen, in words."""
    guided = found.guided
    if guided is None or (guided, "placebo") not in found.differences:
        return ""
    least = max(
        found.differences[guided, name].detectable for name in RIVALS if (guided, name) in found.differences
    )
    needed = statistics.problems_needed(0.05, statistics.ASSUMED_DISCORDANT)
    return (
        f"With {found.problems} problems a true difference of {100 * least:.0f} points or more would be found "
        f"four times out of five; a smaller one mostly not. A difference of 5 points takes {needed} problems "
        f"where two arms disagree on {100 * statistics.ASSUMED_DISCORDANT:.0f}% of them."
    )


def _points(interval: statistics.Interval) -> str:
    return f"{100 * interval.value:+.1f} points [{100 * interval.low:+.1f}, {100 * interval.high:+.1f}]"


# ------------------------------------------------------------------------------------------------- markdown


def markdown(found: Figures) -> str:
    """The whole report."""
    if not found.rows:
        return "# Does guidance help?\n\nNo problem has an answer in every arm yet.\n\n" + _left_out(found)
    sections = [
        "# Does guidance help?",
        verdict(found),
        power(found),
        _about(found),
        "## Arms",
        _arms(found),
        "Right: share of problems whose one submission passes the tests that were held back, with a 95% interval "
        "(bootstrap over problems). Overfit: of the submissions that pass what was shown, the share that fails "
        "what was held back. Tokens, requests, executions and seconds are medians of a cell.",
        _compared(found),
        _within(found),
        _left_out(found),
    ]
    return "\n\n".join(section for section in sections if section).rstrip() + "\n"


def _arms(found: Figures) -> str:
    lines = [
        "| arm | right | shown tests pass | overfit | tokens | requests | executions | seconds | failed cells |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in found.rows:
        lines.append(
            f"| {row.arm} | {_share(row.right)} | {100 * row.visible:.1f}% "
            f"| {100 * row.overfit:.1f}% | {row.tokens:,.0f} | {row.requests:.0f} | {row.executions:.0f} "
            f"| {row.seconds:.1f} | {row.failed} |"
        )
    return "\n".join(lines)


def _compared(found: Figures) -> str:
    if not found.differences:
        return ""
    lines = [
        "## Guided arms against the others",
        "",
        "| guided | against | difference | better on | worse on | p (exact) |",
        "|---|---|---|---|---|---|",
    ]
    for (guided, other), row in found.differences.items():
        lines.append(
            f"| {guided} | {other} | {_points(row.interval)} | {row.better} | {row.worse} | {row.p:.3g} |"
        )
    lines += [
        "",
        "Differences are paired by problem, with a 95% bootstrap interval; p is McNemar's exact test over "
        "problems. A difference counts as shown when both agree. The claim is about the first guided arm alone; "
        "further ones are not corrected for being several.",
    ]
    return "\n".join(lines)


def _within(found: Figures) -> str:
    """What each arm had found within parts of the budget."""
    lines: list[str] = []
    for measure in dict.fromkeys(row.measure for row in found.within):
        parts = [row for row in found.within if row.measure == measure]
        lines += [
            "",
            f"| arm | {' | '.join(f'{row.limit:,} {measure}' for row in parts)} |",
            "|---|" + "---|" * len(parts),
        ]
        for arm in (row.arm for row in found.rows):
            cells = [_share(row.right[arm]) for row in parts]
            lines.append(f"| {arm} | {' | '.join(cells)} |")
    if not lines:
        return ""
    said = (
        "Right answers that took no more than so much: what an arm comes to at that budget, since each stops when "
        "something passes. Looked at afterwards; the claim above is about the whole budget."
    )
    return "\n".join(["## Within part of the budget", *lines, "", said])


def _share(interval: statistics.Interval) -> str:
    return f"{100 * interval.value:.1f}% [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


def _about(found: Figures) -> str:
    header = found.record.header
    configuration = header.configuration
    seeds = configuration.get("seeds", [])
    parts = [f"{found.problems} problems, {len(seeds)} seed{'s' if len(seeds) != 1 else ''} each"]
    for name in ("set", "model", "tier", "version"):
        value = configuration.get(name, header.about.get(name))
        if value:
            parts.append(f"{name} {_cell(str(value))}")
    budget = configuration.get("budget", {})
    if isinstance(budget, dict) and budget:
        parts.append("budget of a cell: " + ", ".join(f"{name} {value}" for name, value in sorted(budget.items())))
    return "; ".join(parts) + "."


def _left_out(found: Figures) -> str:
    """What did not run, and why: arms, problems, failures."""
    lines: list[str] = []
    skipped = found.record.header.about.get("arms_left_out", {})
    if isinstance(skipped, dict):
        lines += [f"- arm {name}: {_cell(str(why))}" for name, why in skipped.items()]
    unreadable = found.record.header.about.get("problems_left_out", {})
    excluded = {**(unreadable if isinstance(unreadable, dict) else {}), **found.record.excluded}
    lines += [f"- problem {_cell(name)}: {_cell(str(why))}" for name, why in list(excluded.items())[:MOST_LISTED]]
    if len(excluded) > MOST_LISTED:
        lines.append(f"- {len(excluded) - MOST_LISTED} more problems")
    late = [cell.arm for cell in found.record.cells if cell.stopped == "seconds"]
    if late:
        counts = ", ".join(f"{arm} {late.count(arm)}" for arm in dict.fromkeys(late))
        lines.append(
            f"- {len(late)} cells ended for their seconds, not for their tokens or executions ({counts}): a busy "
            "machine decides those; raise `budget.function_seconds`"
        )
    failures = [cell for cell in found.record.cells if cell.failure]
    if failures:
        reasons = sorted({cell.failure.partition(":")[0] for cell in failures})
        lines.append(
            f"- {len(failures)} cells failed for the infrastructure's sake ({', '.join(map(_cell, reasons))}); "
            "their problems are left out of every arm until a later run has answered them"
        )
    return "\n".join(["## Left out, and cut short", "", *lines]) if lines else ""


def _cell(text: str, limit: int = 160) -> str:
    """Foreign text in a table or a list of ours."""
    text = "".join(c if c.isprintable() else "�" for c in text)
    for letter in "\\`*_[]<>|#":
        text = text.replace(letter, f"\\{letter}")
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""The line-by-line picture: the candidates of each line, how likely they were, what they did, which was taken."""

from __future__ import annotations

import difflib
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from bot import wording
from bot.domain import LineStep, Search, Status, Trace, Trial, Turn
from bot.report import texts
from bot.templating import Markup

MOST_STEPS = 60
"""Decided lines of one search that are shown."""
MOST_TRIALS = 16
"""Candidates of one line."""
MOST_VALUES = 10
"""Variables of one candidate."""
MOST_STATES = 8
"""Values of one variable."""

WORDS = {
    Status.SYNTAX: ("bad", "no valid code"),
    Status.BROKEN: ("bad", "cannot be put in place"),
    Status.CRASHED: ("bad", "kills the process"),
    Status.TIMEOUT: ("bad", "does not end"),
    Status.WORSE: ("bad", "worse than before"),
    Status.SAME: ("same", "fails as before"),
    Status.OTHER: ("part", "fails otherwise"),
    Status.BETTER: ("part", "more tests pass"),
    Status.PASSED: ("good", "passes"),
}
"""What an outcome is called, and its class: never told by colour alone."""
_TURNS = {
    Turn.LINE: "",
    Turn.WHOLE: "whole versions",
    Turn.WIDER: "widened",
    Turn.BRANCH: "after a roll-back",
    Turn.BACK: "roll-back",
}


@dataclass(frozen=True)
class Value:
    """What one variable went through on one line."""

    where: str
    name: str
    states: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """One candidate as it is shown."""

    number: int
    code: tuple[Markup, ...]
    how: str
    """Operator and who proposed it."""
    before: str
    after: str
    """Shares in percent, as text and as widths of a bar."""
    before_width: str
    after_width: str
    style: str
    outcome: str
    message: str
    tests: str
    time: str
    more: str
    """Agreement, memory: only where they say something."""
    values: tuple[Value, ...]
    committed: bool
    final: bool
    """Whether it is the rewrite that was proven."""
    merged: int | None


@dataclass(frozen=True)
class Step:
    """One decided line as it is shown."""

    number: int
    where: str
    text: Markup
    suspicion: str
    suspicion_width: str
    turn: str
    why: str
    outcome: str
    style: str
    tried: tuple[Tried, ...]
    more: int
    count: int
    prefix: str


@dataclass(frozen=True)
class Picture:
    """One search as it is shown."""

    steps: tuple[Step, ...]
    more: int
    trials: int
    rungs: tuple[tuple[str, str, str, str, str, str], ...]
    """(name, candidates, passed, tokens, time, note)"""
    said: str


def picture(search: Search, start_line: int, original: str, final: str = "") -> Picture:
    """A search, its lines numbered as in the file. `final` is the text of the rewrite that was proven."""
    total = sum(len(step.trials) for step in search.steps)
    steps = tuple(
        _step(number, step, start_line, original, final)
        for number, step in enumerate(search.steps[:MOST_STEPS], 1)
    )
    rungs = tuple(
        (
            rung.name,
            str(rung.candidates),
            str(rung.passed),
            f"{rung.usage.tokens_in:,} / {rung.usage.tokens_out:,}",
            wording.duration(rung.seconds),
            texts.line(rung.note, 300),
        )
        for rung in search.rungs
    )
    ended = {
        "found": "It ended when a version convinced.",
        "exhausted": "It ended when nothing was left to be tried.",
        "candidates": "It ended with the budget of candidates.",
        "executions": "It ended with the budget of executions.",
        "seconds": "It ended with the budget of time.",
        "not-runnable": "It could not be run.",
    }
    said = f"{search.executions:,} executions in {wording.duration(search.seconds)}, "
    said += f"tier {texts.line(search.tier, 10)}. "
    said += ended.get(search.stopped, f"It ended: {texts.line(search.stopped, 80)}.")
    return Picture(steps, max(0, len(search.steps) - MOST_STEPS), total, rungs, said)


def _step(number: int, step: LineStep, start_line: int, original: str, final: str) -> Step:
    before = _shares([trial.proposal.logprob for trial in step.trials])
    after = _shares([trial.score for trial in step.trials])
    order = sorted(
        range(len(step.trials)),
        key=lambda i: (i != step.chosen, step.trials[i].merged_into is not None, -after[i], i),
    )
    shown = order[:MOST_TRIALS]
    places = {index: place for place, index in enumerate(order, 1)}
    whole = original if step.turn is Turn.WHOLE else ""
    rows = tuple(
        _tried(places[i], step, i, (before[i], after[i]), places, whole, start_line, final) for i in shown
    )
    first = step.text.split("\n")[0]
    chosen = step.trials[step.chosen] if step.chosen is not None and step.chosen < len(step.trials) else None
    style, outcome = WORDS[chosen.result.status] if chosen is not None else ("same", "kept as it stands")
    if step.turn is Turn.BACK:
        style, outcome = "part", "went back"
    return Step(
        number=number,
        where=_where(step, start_line),
        text=texts.code(first.strip(), 1)[0] if first.strip() else Markup(""),
        suspicion=f"{max(0.0, min(1.0, step.suspiciousness)):.0%}",
        suspicion_width=f"{40 * max(0.0, min(1.0, step.suspiciousness)):.1f}",
        turn=_TURNS[step.turn],
        why=step.why or _why(step),
        outcome=outcome,
        style=style,
        tried=rows,
        more=len(step.trials) - len(shown),
        count=len(step.trials),
        prefix=", ".join(texts.line(name, 60) for name in step.prefix[:8]),
    )


def _where(step: LineStep, start_line: int) -> str:
    return "function" if step.turn is Turn.WHOLE else f"line {start_line + step.line - 1}"


def _why(step: LineStep) -> str:
    """For a result that does not say."""
    if step.chosen is None:
        return "Nothing came nearer to green than the line as it stands."
    return "The best score after it ran."


def _shares(scores: Sequence[float]) -> list[float]:
    """Scores in nats as shares of 1."""
    finite = [score for score in scores if math.isfinite(score)]
    if not finite:
        return [0.0 for _ in scores]
    top = max(finite)
    weights = [math.exp(max(score - top, -700.0)) if math.isfinite(score) else 0.0 for score in scores]
    total = sum(weights)
    return [weight / total for weight in weights]


def _tried(
    number: int,
    step: LineStep,
    index: int,
    shares: tuple[float, float],
    places: dict[int, int],
    original: str,
    start_line: int,
    final: str,
) -> Tried:
    trial = step.trials[index]
    result = trial.result
    style, outcome = WORDS[result.status]
    if result.status not in (Status.PASSED, Status.SAME) and result.exception:
        outcome += f": {texts.line(result.exception, 60)}"
    good = sum(1 for one in result.outcomes.values() if one.good)
    more = []
    if result.agreement and result.status is not Status.PASSED:
        more.append(f"{result.agreement:.0%} of recorded answers alike")
    if trial.votes > 1:
        more.append(f"said {trial.votes} times")
    before, after = shares
    how = texts.line(trial.proposal.operator, 60)
    if trial.proposal.source != "edits":
        how += f" · {texts.line(trial.proposal.source, 60)}"
    return Tried(
        number=number,
        code=_code(trial, original),
        how=how,
        before=_percent(before),
        after=_percent(after),
        before_width=f"{40 * before:.1f}",
        after_width=f"{40 * after:.1f}",
        style=style,
        outcome=outcome,
        message=texts.line(result.message, 240) if result.status is not Status.PASSED else "",
        tests=f"{good}/{len(result.outcomes)}" if result.outcomes else "",
        time=wording.duration(result.seconds) if result.seconds else "",
        more="; ".join(more),
        values=_values(trial.trace, start_line),
        committed=index == step.chosen,
        final=bool(final) and trial.source.rstrip() == final.rstrip(),
        merged=places.get(trial.merged_into) if trial.merged_into is not None else None,
    )


def _percent(share: float) -> str:
    return "<1%" if 0 < share < 0.005 else f"{share:.0%}"


def _code(trial: Trial, original: str) -> tuple[Markup, ...]:
    """The candidate's own lines."""
    edit = trial.proposal.edit
    if trial.said:
        return texts.code(textwrap.dedent(trial.said), 12)
    if edit is not None:
        if not edit.lines:
            return (Markup('<span class="c">(deleted)</span>'),)
        return texts.code(textwrap.dedent("\n".join(edit.lines)), 12)
    if original and trial.source != original:
        return _changed(original, trial.source)
    return (Markup('<span class="c">(kept)</span>'),)


def _changed(original: str, source: str, most: int = 24) -> tuple[Markup, ...]:
    """Lines of a whole version that the original does not have, and those it lost."""
    rows = list(difflib.unified_diff(original.split("\n")[:400], source.split("\n")[:400], lineterm="", n=0))[2:]
    kept = [row for row in rows if not row.startswith("@@")]
    made = []
    for row in kept[:most]:
        name = "add" if row.startswith("+") else "del"
        made.append(Markup('<span class="{}">{}</span>').format(name, texts.shown(row[:200])))
    if len(kept) > most:
        made.append(Markup('<span class="c">… {} more lines</span>').format(len(kept) - most))
    return tuple(made)


def _values(trace: Trace, start_line: int) -> tuple[Value, ...]:
    """What each variable went through, line by line, in the order in which it began."""
    rows: dict[tuple[int, str], list[str]] = {}
    for line, changes in trace:
        for name, kind, value in changes:
            said = f"{kind}: {value}" if name == "raise" and not line else value
            states = rows.setdefault((line, name), [])
            if len(states) <= MOST_STATES and (not states or states[-1] != said):
                states.append(said)
    made = []
    for (line, name), states in list(rows.items())[:MOST_VALUES]:
        kept = [texts.line(state, 60) for state in states[:MOST_STATES]]
        if len(states) > MOST_STATES:
            kept.append("…")
        made.append(Value(f"{start_line + line - 1}" if line else "", texts.line(name, 40), tuple(kept)))
    return tuple(made)

"""The values of what decided: telling trials of a search run once more, watched, for whoever reads the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.domain import LineStep, Status, Trace, Trial, Turn
from bot.errors import SandboxError
from bot.steps.propose.searching import Searcher

EACH = 3
"""Trials of one line."""
ENTRIES = 60
"""Of one trace; more says nothing more to a reader."""
SECONDS = 2.0
"""CPU seconds of one of them, and wall seconds of all of them twice that."""
RUNS = (Status.WORSE, Status.SAME, Status.OTHER, Status.BETTER, Status.PASSED)
"""What came to an end, and may be run again."""


def watched(searcher: Searcher, most: int) -> tuple[LineStep, ...]:
    """The steps of a search, at most so many of their trials with the values that they changed on a failing test.

    None of it decides anything: it runs when all is decided, and is no part of the search's budget. Where the
    sandbox breaks, the steps stay as they are.
    """
    steps = tuple(searcher.steps)
    judge = searcher.judge
    tests = judge.guide.failing[:1]
    chosen = telling(steps, most) if judge.stage.warm and tests else []
    texts = [steps[at].trials[index].source for at, index in chosen]
    versions = [searcher.versions[text] for text in texts if text in searcher.versions]
    if not versions:
        return steps
    spent = judge.trials
    try:
        replies = judge.run(
            versions, tests, seconds=SECONDS, trace=ENTRIES, step_limit=20_000, until=judge.clock() + 2 * SECONDS
        )
    except SandboxError:
        return steps
    finally:
        judge.trials = spent
    first = searcher.function.head.start_line - 1
    traces: dict[str, Trace] = {
        version.source: tuple((line - first if line > first else 0, changes) for line, changes in reply.trace)
        for version, reply in zip(versions, replies, strict=True)
    }
    return tuple(replace(step, trials=tuple(with_trace(trial, traces) for trial in step.trials)) for step in steps)


def telling(steps: Sequence[LineStep], most: int) -> list[tuple[int, int]]:
    """(step, trial) of those that say most: the chosen ones and their rivals, of decided lines first."""
    found: list[tuple[bool, int, int, int]] = []
    seen: set[str] = set()
    for at, step in enumerate(steps):
        if step.turn is Turn.BACK:
            continue
        order = sorted(range(len(step.trials)), key=lambda i: (i != step.chosen, -step.trials[i].score))
        rivals = [i for i in order if step.trials[i].merged_into is None and step.trials[i].result.status in RUNS]
        for place, index in enumerate(rivals[:EACH]):
            trial = step.trials[index]
            if not trial.trace and trial.source not in seen:
                seen.add(trial.source)
                found.append((step.chosen is None, place, at, index))
    return [(at, index) for *_, at, index in sorted(found)[:most]]


def with_trace(trial: Trial, traces: dict[str, Trace]) -> Trial:
    """The trial with what was seen of its version."""
    trace = traces.get(trial.source, ())
    return replace(trial, trace=trace) if trace and not trial.trace else trial

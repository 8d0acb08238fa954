"""The cold run and its poisoned control: which tests are run, under what limits, and what came of them."""

from __future__ import annotations

import random
from dataclasses import replace

from bot import trial, wire
from bot.domain import MatrixRow, Outcome, SuiteRun
from bot.sandboxes import Sandbox
from bot.steps.verify.case import Case, Settings, put

MOST_ROWS = 40
"""Rows of the verdict matrix; further tests are counted."""
CONTROLLED = 60
"""Tests that the poisoned control runs at most: the witness's and the quickest that execute the function."""


def chosen(case: Case, settings: Settings) -> tuple[tuple[str, ...] | None, str]:
    """(tests to run or None for all, in words)."""
    head = case.evidence.head
    if head.problem is None and head.seconds <= settings.seconds * 0.6:
        return None, "the whole suite"
    witness = case.finding.witness.tests if case.finding is not None else ()
    must = tuple(dict.fromkeys((*witness, *case.executing)))
    others = [t.id for t in head.tests if t.id not in set(must) and t.outcome is not Outcome.TIMEOUT]
    sample = random.Random(settings.seed).sample(others, min(settings.sample, len(others)))  # noqa: S311
    order = {test.id: index for index, test in enumerate(head.tests)}
    tests = tuple(sorted((*must, *sample), key=lambda test: order.get(test, 0)))
    return (
        tests,
        f"{len(must)} tests that execute the function and a sample of {len(sample)} of {len(others)} others",
    )


def cut(run: SuiteRun, selection: tuple[str, ...]) -> SuiteRun:
    """The part of a run that a selection would have given."""
    wanted = set(selection)
    return replace(
        run,
        collected=tuple(test for test in run.collected if test in wanted),
        tests=tuple(test for test in run.tests if test.id in wanted),
        problem=None,
    )


def cold_job(lab: trial.Lab, case: Case, settings: Settings, selection: tuple[str, ...] | None) -> wire.SuiteJob:
    """The proof's run: ten times what a test took at base or head, and two seconds, is its limit."""
    limits: dict[str, float] = {}
    for test in (*case.evidence.base.tests, *case.evidence.head.tests):
        if test.outcome.good:
            known = limits.get(test.id, 0.0)
            limits[test.id] = max(known, min(settings.test_seconds, 2 + 10 * test.seconds))
    return trial.suite_job(
        case.head.plan,
        lab.limits,
        seconds=settings.seconds,
        select=selection,
        test_seconds=settings.test_seconds,
        test_limits=limits,
    )


def under_control(case: Case) -> tuple[str, ...]:
    """The tests that the poisoned control runs."""
    witness = case.finding.witness.tests if case.finding is not None else ()
    seconds = {test.id: test.seconds for test in case.evidence.head.tests}
    # A witness that crashed or hung has no coverage, and one that was not collected only a file's name: both
    # must notice the poison all the same.
    first = list(witness)
    rest = sorted((t for t in case.executing if t not in witness), key=lambda t: (seconds.get(t, 0.0), t))
    return tuple((first + rest)[:CONTROLLED])


def controlled(lab: trial.Lab, box: Sandbox, case: Case, settings: Settings) -> SuiteRun:
    """The poisoned control, in the container that has just run the candidate."""
    tests = under_control(case)
    if not tests:
        return SuiteRun((), (), 0, 0.0)
    put(box, case, case.place.module(case.place.language.poison(case.place.function)))
    return trial.run_suite(lab, box, cold_job(lab, case, settings, tests))


def matrix(case: Case, run: SuiteRun) -> tuple[MatrixRow, ...]:
    """Base, head and candidate for the tests that matter: the witness's, those that differ, the executing ones."""
    base, head, new = case.evidence.base.by_id(), case.evidence.head.by_id(), run.by_id()
    witness = case.finding.witness.tests if case.finding is not None else ()
    names = list(
        dict.fromkeys((*witness, *(t for t in new if t in head and new[t].outcome is not head[t].outcome)))
    )
    names += [test for test in case.executing if test not in names]
    return tuple(
        MatrixRow(
            name,
            base[name].outcome if name in base else None,
            head[name].outcome if name in head else None,
            new[name].outcome if name in new else None,
        )
        for name in names[:MOST_ROWS]
    )

"""Observe: base and head are run side by side, and what decides is repeated until it is either sure or flaky."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import trial, wire
from bot.domain import ChangedFunction, Evidence, Outcome, Problem, SuiteRun, TestChange
from bot.progress import Progress
from bot.sandboxes import Sandbox

HEAD_START = 6.0
"""Seconds that base may take before head is started beside it; a base that is done by then tells head's limits."""
CHEAP_REPEATS = 4
"""Repetitions beside the first run that are made while they are cheap."""
MOST_REPEATED = 60
"""Deciding tests that are repeated; what they decide is one finding a function, so more adds nothing."""


@dataclass(frozen=True)
class Settings:
    """How much is run."""

    seconds: float
    """Wall limit of one run of the suite."""
    test_seconds: float = 20.0
    """CPU limit of one test where base does not say how long it takes."""
    repeats: int = 2
    """How often the tests that decide are run on each side at least."""
    further_seconds: float = 2.0
    """Further repetitions are made until these seconds are used; 0 for none."""


@dataclass(frozen=True)
class Sides:
    """Base and head, ready to be run."""

    base: trial.Side
    head: trial.Side


def observe(
    lab: trial.Lab,
    sides: Sides,
    functions: Sequence[ChangedFunction],
    test_changes: tuple[TestChange, ...],
    settings: Settings,
    progress: Progress,
) -> Evidence:
    """Runs both suites, repeats the tests that differ, tells what is confirmed and what is flaky.

    Raises SandboxError when the engine fails; a suite that does not run is a Problem in its SuiteRun.
    """
    watch_base = [watch_of(f, base=True) for f in functions if f.base is not None]
    watch_head = [watch_of(f, base=False) for f in functions]
    with (
        concurrent.futures.ThreadPoolExecutor(2, thread_name_prefix="tryline-observe") as pool,
        lab.open(sides.base) as base_box,
        lab.open(sides.head) as head_box,
    ):
        progress.tick("running the tests of base")
        job = suite(lab, sides.base, settings, watch_base, {})
        base_run = pool.submit(trial.run_suite, lab, base_box, job)
        done, _ = concurrent.futures.wait([base_run], HEAD_START)
        limits = test_limits(base_run.result(), settings) if done else {}
        progress.tick("running the tests of head")
        head = trial.run_suite(lab, head_box, suite(lab, sides.head, settings, watch_head, limits))
        base = base_run.result()
        progress.note(f"base: {counted(base)}; head: {counted(head)}")
        if files := too_long(base, head, sides, functions):
            progress.note(f"the suite is too long; running {len(files)} test files that name what changed")
            part = pool.submit(
                trial.run_suite, lab, base_box, suite(lab, sides.base, settings, watch_base, {}, files)
            )
            head = partial(
                trial.run_suite(lab, head_box, suite(lab, sides.head, settings, watch_head, {}, files)), files
            )
            base = partial(part.result(), files)
        deciding = differing(base, head)[:MOST_REPEATED]
        if not deciding:
            return Evidence(base, head, frozenset(), frozenset(), test_changes)
        progress.tick(f"repeating {len(deciding)} tests that decide")
        limits = test_limits(base, settings)
        again_base = pool.submit(repeated, lab, base_box, sides.base, deciding, settings, limits)
        again_head = repeated(lab, head_box, sides.head, deciding, settings, limits)
        return weigh(base, head, deciding, again_base.result(), again_head, test_changes)


def observe_head(
    lab: trial.Lab,
    side: trial.Side,
    functions: Sequence[ChangedFunction],
    settings: Settings,
    progress: Progress,
) -> Evidence:
    """Head alone: every test that is red each time is confirmed; there is no base to compare with.

    Raises SandboxError when the engine fails.
    """
    watch = [watch_of(f, base=False) for f in functions]
    with lab.open(side) as box:
        progress.tick("running the tests")
        head = trial.run_suite(lab, box, suite(lab, side, settings, watch, {}))
        progress.note(f"head: {counted(head)}")
        red = tuple(test.id for test in head.tests if test.outcome.bad)[:MOST_REPEATED]
        again = repeated(lab, box, side, red, settings, {}) if red else []
    nothing = SuiteRun((), (), 0, 0.0)
    return weigh(nothing, head, red, [], again, ())


def watch_of(function: ChangedFunction, *, base: bool) -> wire.Watch:
    """The watch on one function, known on both sides by its id at head."""
    where = function.base if base and function.base is not None else function.head
    name = where.qualname.rsplit(".", 1)[-1].split("@", 1)[0]
    return wire.Watch(function.id, where.path, where.start_line, name)


def suite(
    lab: trial.Lab,
    side: trial.Side,
    settings: Settings,
    watch: Sequence[wire.Watch],
    limits: Mapping[str, float],
    files: tuple[str, ...] | None = None,
) -> wire.SuiteJob:
    """The whole suite of one side, or some of its files, watched."""
    return trial.suite_job(
        side.plan,
        lab.limits,
        seconds=settings.seconds,
        select=files,
        watch=watch,
        test_seconds=settings.test_seconds,
        test_limits=limits,
    )


def too_long(
    base: SuiteRun, head: SuiteRun, sides: Sides, functions: Sequence[ChangedFunction]
) -> tuple[str, ...]:
    """The test files that name a changed module or function, where a suite was stopped by the clock; else none."""
    if not any(run.problem is not None and run.problem.slug == "timeout" for run in (base, head)):
        return ()
    words = {f.head.path.rsplit("/", 1)[-1].removesuffix(".py") for f in functions}
    words |= {f.head.qualname.rsplit(".", 1)[-1].split("@")[0] for f in functions}
    words -= {"__init__", "utils", "main", "core"}
    known = set(sides.base.files.paths()) & set(sides.head.files.paths())
    named = []
    for file in trial.files_of(head.collected or base.collected):
        if file in known and any(word.encode() in sides.head.files.read(file) for word in words):
            named.append(file)
    return tuple(named)


def partial(run: SuiteRun, files: tuple[str, ...]) -> SuiteRun:
    """A run of some files, marked as such: a review of it is never called whole."""
    if run.problem is not None:
        return run
    text = f"the suite takes longer than it may; only {len(files)} test files that name what changed were run"
    return replace(run, problem=Problem("partial", f"{text} (raise `test.seconds` for all)"))


def test_limits(run: SuiteRun, settings: Settings) -> dict[str, float]:
    """CPU seconds per test: ten times what it took where it passed, and a second; never above the common limit.

    Ten is the step budget's factor too: a test that needs more is taken to hang.
    """
    return {t.id: min(settings.test_seconds, 1 + 10 * t.seconds) for t in run.tests if t.outcome.good}


def good_before(base: SuiteRun, test: str) -> bool:
    """Whether base was green on a test, or on every test of a file that head cannot even collect."""
    results = base.by_id()
    if test in results:
        return results[test].outcome.good
    below = [r for name, r in results.items() if name.startswith(test + "::")]
    return bool(below) and "::" not in test and not any(r.outcome.bad for r in below)


def differing(base: SuiteRun, head: SuiteRun) -> tuple[str, ...]:
    """Tests that are red on head and were green on base, or did not exist there; quick ones first."""
    known = base.by_id()
    found = [
        test for test in head.tests if test.outcome.bad and (good_before(base, test.id) or test.id not in known)
    ]
    found.sort(key=lambda test: (not good_before(base, test.id), test.seconds))
    return tuple(test.id for test in found)


def repeated(
    lab: trial.Lab,
    box: Sandbox,
    side: trial.Side,
    tests: tuple[str, ...],
    settings: Settings,
    limits: Mapping[str, float],
) -> list[SuiteRun]:
    """The deciding tests again, in fresh processes, in reversed order every other time.

    As often as asked, and more while it is cheap: a test that fails every other time by chance passes for a
    regression in one of sixteen pairs of runs, in one of a thousand after five.
    """
    runs: list[SuiteRun] = []
    for turn in range(max(1, settings.repeats - 1, CHEAP_REPEATS)):
        if turn >= settings.repeats - 1 and sum(run.seconds for run in runs) >= settings.further_seconds:
            break
        order = tests if turn % 2 else tuple(reversed(tests))
        job = trial.suite_job(
            side.plan,
            lab.limits,
            seconds=settings.seconds,
            select=order,
            ordered=True,
            test_seconds=settings.test_seconds,
            test_limits=limits,
        )
        runs.append(trial.run_suite(lab, box, job))
    return runs


def weigh(
    base: SuiteRun,
    head: SuiteRun,
    deciding: tuple[str, ...],
    again_base: list[SuiteRun],
    again_head: list[SuiteRun],
    test_changes: tuple[TestChange, ...],
) -> Evidence:
    """Splits the deciding tests into confirmed and flaky."""
    confirmed, flaky = set(), set()
    base_ids = base.by_id()
    for test in deciding:
        heads = [outcome_in(run, test) for run in again_head]
        bases = [outcome_in(run, test) for run in again_base] if test in base_ids else []
        if not all(o is not None and o.bad for o in heads) or not all(o is not None and o.good for o in bases):
            flaky.add(test)
        else:
            confirmed.add(test)
    times = 1 + min(len(again_head), len(again_base) or len(again_head))
    return Evidence(base, head, frozenset(flaky), frozenset(confirmed), test_changes, times)


def outcome_in(run: SuiteRun, test: str) -> Outcome | None:
    """A test's outcome in a run, None when it did not run."""
    result = run.by_id().get(test)
    return result.outcome if result is not None else None


def counted(run: SuiteRun) -> str:
    """`412 passed, 3 failed in 8.1 s`, or the problem."""
    counts: dict[Outcome, int] = {}
    for test in run.tests:
        counts[test.outcome] = counts.get(test.outcome, 0) + 1
    text = ", ".join(f"{n} {outcome}" for outcome, n in sorted(counts.items(), key=lambda pair: -pair[1]))
    if run.problem is not None:
        text = f"{text or 'nothing ran'} ({run.problem.slug})"
    return f"{text} in {run.seconds:.1f} s"

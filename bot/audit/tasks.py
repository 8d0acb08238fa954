"""The work: tasks of some functions of one file each, carried out, and each task's result kept at once."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from bot import audit_task, wiring
from bot.audit.desk import Desk
from bot.audit.observation import Seen
from bot.audit.survey import Survey
from bot.audit.turns import Row
from bot.audit_state import Kept, Under
from bot.audited import Attention
from bot.domain import Conclusion, Costs, Evidence, Function, Problem, Review, Reviewed, TestResult
from bot.errors import ExecutorError, TrylineError, without_addresses
from bot.executors import Done, Executor, Task
from bot.progress import Tally
from bot.record import from_json
from bot.steps import suspect

MOST_IN_TASK = 20
"""Functions of one task: few enough that an interruption costs little."""
NOT_OF_A_PART = ("not-executed", "all-red", "not-run")
"""Problems of a review that say something of the whole of it: those of a part say nothing."""


@dataclass
class Ran:
    """What came of the tasks, besides results of functions."""

    costs: Costs
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)


def carried_out(
    desk: Desk, survey: Survey, seen: Seen, turns: Sequence[Row], executor: Executor, under: Under
) -> Ran:
    """Has each task done and keeps what it comes to; what the budget does not suffice for stays as it is."""
    ran = Ran(seen.costs)
    if not turns or seen.evidence is None:
        return ran
    model = desk.parts.model
    parts = list(parts_of(desk, survey, seen.evidence, turns))
    tasks = [Task(f"{number}", audit_task.part_bytes(part)) for number, (part, _) in enumerate(parts)]
    shared = audit_task.Shared(survey.revision, desk.config, seen.evidence, model is not None, survey.tree.tar())
    done = findings = 0
    answer = wiring.answering(model)
    results = executor.results(audit_task.work, audit_task.shared_bytes(shared), tasks, answer)
    try:
        with contextlib.closing(cast("Generator[Done, None, None]", results)):
            for ended in results:
                part, rows = parts[int(ended.task.key)]
                done += len(rows)
                result = read_result(ended)
                if isinstance(result, str):
                    for row in rows:
                        row.attention, row.why = Attention.FAILED, result
                    desk.progress.note(f"{part.path}: {result}")
                else:
                    findings += len(result.findings)
                    ran.costs = added(ran.costs, result.costs)
                    ran.environment = {**result.environment, **ran.environment}
                    ran.notes += [note for note in result.notes if note not in ran.notes]
                    kept(desk, survey, seen, rows, result, under)
                left = desk.seconds_left()
                executions = ran.costs.executions
                desk.progress.tally(Tally(done, len(turns), None, executions, findings, max(0.0, left)))
                if left <= 0 or executions >= desk.config.audit.executions:
                    break
    except ExecutorError as error:
        if not done:
            raise
        ran.problems.append(
            Problem(error.slug, f"{error.message} ({error.hint})" if error.hint else error.message)
        )
    ran.notes += executor.notes
    if model is not None:
        ran.notes += [without_addresses(note) for note in model.notes()]
    return ran


def parts_of(
    desk: Desk, survey: Survey, evidence: Evidence, turns: Sequence[Row]
) -> Iterator[tuple[audit_task.Part, list[Row]]]:
    """The tasks in order: some functions of one file each, begun with the file of whose turn is first. A function
    that is to answer for failing tests has a task of its own."""
    blamed = blame(desk, survey, evidence)
    groups: list[list[Row]] = []
    filling: dict[str, list[Row]] = {}
    for row in turns:
        path = row.changed.head.path
        group = filling.get(path)
        if row.name in blamed or group is None or len(group) >= MOST_IN_TASK:
            group = []
            groups.append(group)
            if row.name not in blamed:
                filling[path] = group
        group.append(row)
    by_file: dict[str, dict[str, tuple[int, ...]]] = {}
    for test, files in evidence.head.covered.items():
        for path, lines in files.items():
            by_file.setdefault(path, {})[test] = lines
    seconds = min(desk.config.audit.task_seconds, desk.config.audit.seconds)
    for group in groups:
        path = group[0].changed.head.path
        names = tuple(row.name for row in group)
        inside = {
            line for row in group for line in range(row.changed.head.start_line, row.changed.head.end_line + 1)
        }
        covered = {test: tuple(n for n in lines if n in inside) for test, lines in by_file.get(path, {}).items()}
        calls = {name: evidence.head.calls[name] for name in names if name in evidence.head.calls}
        mine = tuple(test for name in names for test in blamed.get(name, ()))
        yield audit_task.Part(names, path, {t: ls for t, ls in covered.items() if ls}, calls, mine, seconds), group


def blame(desk: Desk, survey: Survey, evidence: Evidence) -> dict[str, tuple[TestResult, ...]]:
    """Function id -> red tests that it is the likeliest cause of: each test is told once, not by every function on
    its way. The innermost one of its traceback, where that leaves the tests; else the most suspicious one."""
    red = {test.id for test in evidence.head.tests if test.outcome.bad}
    steady = replace(evidence, flaky=evidence.flaky | (red - evidence.confirmed))
    suspicions = suspect.suspect(survey.found.functions, steady, desk.parts.detectors)
    owners: dict[str, list[TestResult]] = {}
    for test in evidence.head.tests:
        tied = [suspicion for suspicion in suspicions if test.id in suspicion.tests]
        if not tied or test.id not in evidence.confirmed:
            continue
        frames = [(frame.path, frame.line) for frame in reversed(test.frames)]
        best = max(
            tied,
            key=lambda s: (
                -next((n for n, place in enumerate(frames) if within(s.function.head, *place)), len(frames)),
                s.score,
            ),
        )
        owners.setdefault(best.function.id, []).append(test)
    return {name: tuple(tests) for name, tests in owners.items()}


def within(function: Function, path: str, line: int) -> bool:
    """Whether a line is one of the function's body."""
    return function.path == path and line in audit_task.lines_in(function)


def read_result(done: Done) -> Review | str:
    """What a task came to, checked like any other saved result; or why it came to nothing."""
    if done.problem:
        return done.problem
    try:
        return from_json(json.loads(done.result))
    except (TrylineError, ValueError, RecursionError) as error:
        return f"its result cannot be read: {error}"


def added(total: Costs, more: Costs) -> Costs:
    """Both together; seconds of the wall are not summed, since tasks run side by side."""
    return replace(
        total,
        executions=total.executions + more.executions,
        containers=total.containers + more.containers,
        candidates=total.candidates + more.candidates,
        verified=total.verified + more.verified,
        usage=total.usage.plus(more.usage),
    )


def kept(desk: Desk, survey: Survey, seen: Seen, rows: Sequence[Row], result: Review, under: Under) -> None:
    """Commits what a task came to, function by function."""
    reports = {report.function.id: report for report in result.functions}
    written = []
    for row in rows:
        report = reports.get(row.name)
        if report is None:
            row.attention, row.why = Attention.FAILED, "its task says nothing of it"
            continue
        problems = "; ".join(p.message for p in result.problems if p.slug not in NOT_OF_A_PART)
        row.attention, row.why = Attention.AUDITED, report.left_alone
        if not report.whole:
            row.why = problems or "not all was done about it within its time"
        found = tuple(rerun(item) for item in result.findings if item.finding.function.id == row.name)
        unproven = tuple(s for s in result.unproven if s.function.id == row.name)
        alone = replace(
            result,
            functions=(report,),
            findings=found,
            unproven=unproven,
            problems=(),
            notes=(),
            flaky=(),
            suite={},
            costs=Costs(),
            conclusion=Conclusion.FINDINGS if found else Conclusion.CLEAN,
        )
        row.kept = Kept(
            # What was not done as a whole is done again next time.
            row.key if report.whole else "",
            survey.files[row.changed.head.path],
            seen.tests.get(row.name, ()),
            under.at,
            report.seconds,
            result.costs.executions // len(rows),
            seen.covered.get(row.name, 0),
            bool(found),
        )
        written.append((row.name, row.kept, alone))
    desk.state.keep(under, written)


def rerun(item: Reviewed) -> Reviewed:
    """A finding whose command runs it again: times are measured anew by looking at the function, and an audit has
    no change that a review could look at."""
    witness = item.finding.witness
    if witness.kind != "measure":
        return item
    command = f"tryline try {shlex.quote(item.finding.function.id)}"
    return replace(item, finding=replace(item.finding, witness=replace(witness, command=command)))


def settled(desk: Desk, survey: Survey, seen: Seen, rows: Sequence[Row], under: Under) -> None:
    """Drops what is no more, and writes down that the audit ended: one that could run nothing did not."""
    if seen.failed:
        return
    names = {row.name for row in rows}
    there = set(survey.tree.paths())
    gone = [
        name
        for name in desk.state.functions()
        # A part of the tree was asked for: of the rest it is only known which files are there.
        if name not in names and (not survey.paths or survey.holds(name) or name.partition("::")[0] not in there)
    ]
    desk.state.forget(under, gone)
    waiting = [row.name for row in rows if row.attention is Attention.OVER_BUDGET]
    undone = [row for row in rows if row.attention is Attention.FAILED or row.kept is None or not row.kept.key]
    desk.state.end(under, waiting, whole=not (waiting or undone or seen.problems))

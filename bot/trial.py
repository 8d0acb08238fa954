"""Runs a source in the function's place: previews it warm, runs suites cold. What steps know of sandboxes.

`Lab` opens sandboxes and counts; `run_suite` is one cold run, restarted past tests that hang or kill it;
`Stage` previews candidates for one function, in a fork server where swapping code there is faithful, and in a
fresh process each where it is not.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot import wire, wire_calls
from bot.domain import Function, Image, Limits, Outcome, Problem, SuitePlan, SuiteRun, TestResult, Unit
from bot.errors import SandboxError
from bot.languages import Files, Language
from bot.progress import Progress, Tally
from bot.sandboxes import Backend, Contents, Sandbox


@dataclass(frozen=True)
class Side:
    """One revision, ready to be run."""

    files: Files
    contents: Contents
    image: Image
    plan: SuitePlan


class Sides(Protocol):
    """Base and head, ready to be run."""

    @property
    def base(self) -> Side: ...

    @property
    def head(self) -> Side: ...


class Texts(Protocol):
    """The head files of the changed functions, decoded, and the language of each, by path."""

    @property
    def text(self) -> Mapping[str, str]: ...

    @property
    def language(self) -> Mapping[str, Language]: ...


@dataclass(frozen=True)
class Overlay:
    """A tree's files with some added or replaced."""

    below: Files
    added: Mapping[str, bytes]

    def paths(self) -> Sequence[str]:
        """Every regular file, sorted."""
        return sorted({*self.below.paths(), *self.added})

    def read(self, path: str) -> bytes:
        """Content of one file. Raises KeyError when neither has it."""
        return self.added[path] if path in self.added else self.below.read(path)


def with_files(side: Side, files: Mapping[str, str]) -> Side:
    """The revision with further files (path -> text) in its tree, for every sandbox that is opened with it.

    Where the suite is run by named paths, a test module that lies below none of them is named as well.
    """
    if not files:
        return side
    added = {path: text.encode("utf-8", "replace") for path, text in sorted(files.items())}
    paths = side.plan.paths
    if paths:
        covered = tuple(path.rstrip("/").removeprefix("./") for path in paths)
        paths += tuple(
            path for path in added if not any(c in ("", ".", path) or path.startswith(c + "/") for c in covered)
        )
    plan = replace(side.plan, paths=paths)
    contents = replace(side.contents, over={**side.contents.over, **added})
    return Side(Overlay(side.files, added), contents, side.image, plan)


class Lab:
    """Opens sandboxes, and counts what was run; whoever watches is told."""

    def __init__(self, backend: Backend, limits: Limits, progress: Progress | None = None) -> None:
        self.backend = backend
        self.limits = limits
        self._progress = progress
        self._lock = threading.Lock()
        self._executions = 0
        self._candidates = 0
        self._broken = 0

    @property
    def executions(self) -> int:
        """Runs of a suite or of a candidate so far."""
        return self._executions

    @property
    def broken(self) -> int:
        """Sandboxes so far that could not be had, or ended before their time."""
        return self._broken

    @property
    def candidates(self) -> int:
        """Versions of a function whose preview ended so far; one that is run on further tests counts again."""
        return self._candidates

    def count(self, executions: int = 1, candidates: int = 0) -> None:
        """Adds to what was run. Threads may call it; what is told never goes back."""
        with self._lock:
            self._executions += executions
            self._candidates += candidates
            if self._progress is not None:
                self._progress.tally(Tally(executions=self._executions, candidates=self._candidates or None))

    @contextlib.contextmanager
    def open(self, side: Side) -> Iterator[Sandbox]:
        """A fresh sandbox with this revision's files. Raises SandboxError, as does what is done with it."""
        try:
            with self.backend.open(side.image, side.contents, self.limits) as box:
                yield box
        except SandboxError:
            with self._lock:
                self._broken += 1
            raise


def files_of(tests: Sequence[str]) -> tuple[str, ...]:
    """The files that hold these tests, in order, each once."""
    return tuple(dict.fromkeys(test.split("::", 1)[0] for test in tests))


def suite_job(
    plan: SuitePlan,
    limits: Limits,
    *,
    seconds: float,
    select: Sequence[str] | None = None,
    ordered: bool = False,
    watch: Sequence[wire.Watch] = (),
    calls: bool = True,
    test_seconds: float = 0.0,
    test_limits: Mapping[str, float] | None = None,
    replaced: Mapping[str, str] | None = None,
) -> wire.SuiteJob:
    """A run of the whole suite, or of chosen tests (only their files are collected then)."""
    where = files_of(select) if select is not None else plan.paths
    return wire.SuiteJob(
        args=(*plan.args, *where),
        seconds=seconds,
        select=None if select is None else tuple(select),
        ordered=ordered,
        watch=tuple(watch),
        calls=calls,
        replace=dict(replaced or {}),
        test_seconds=test_seconds,
        test_limits=dict(test_limits or {}),
        env=plan.env,
        output_kb=limits.output_kb,
        file_mb=limits.file_mb,
    )


MAX_RESTARTS = 4
MAX_CHILDREN = 12
"""Processes for one batch of calls: each that dies of a call costs one."""


def run_suite(lab: Lab, sandbox: Sandbox, job: wire.SuiteJob) -> SuiteRun:
    """One run; a test that hangs or kills the process gets that as its outcome and the rest is run after it.

    Raises SandboxError when the container breaks.
    """
    lab.count()
    run, unfinished = wire.read_run(sandbox.ask(wire.run_job(job), seconds=job.seconds + 60))
    restarts = 0
    while unfinished and run.collected and restarts < MAX_RESTARTS:
        stop = run.problem.slug if run.problem is not None else ""
        if stop not in ("quiet", "killed", "no-report"):
            break
        restarts += 1
        word = Outcome.TIMEOUT if stop == "quiet" else Outcome.CRASHED
        text = run.problem.message if run.problem is not None else ""
        lost = TestResult(unfinished, word, 0.0, text, "")
        seen = {test.id for test in run.tests} | {unfinished}
        left = [test for test in run.collected if test not in seen]
        run = replace(run, tests=(*run.tests, lost), problem=None)
        if not left:
            break
        remaining = job.seconds - run.seconds
        if remaining < 1:
            run = replace(run, problem=Problem("timeout", "the suite's time was used up", run.output[-2000:]))
            break
        rest = replace(job, select=tuple(left), seconds=remaining)
        more, unfinished = wire.read_run(sandbox.ask(wire.run_job(rest), seconds=remaining + 60))
        run = merged(run, more)
    return run


def merged(first: SuiteRun, second: SuiteRun) -> SuiteRun:
    """Two parts of one run."""
    calls = dict(first.calls)
    for name, rows in second.calls.items():
        calls[name] = (*calls.get(name, ()), *rows)
    return replace(
        first,
        tests=(*first.tests, *second.tests),
        exit_code=second.exit_code,
        seconds=first.seconds + second.seconds,
        covered={**first.covered, **second.covered},
        calls=calls,
        problem=second.problem,
        output=second.output,
    )


# ------------------------------------------------------------------------------------------------ previews


@dataclass(frozen=True)
class Place:
    """Where a function stands, and how a version of it is put there."""

    language: Language
    text: str
    """The whole head file."""
    function: Function
    unit: Unit

    def unit_source(self, source: str) -> str:
        """The swappable unit with the function's text replaced."""
        return self.language.unit_source(self.unit, self.function, source)

    def module(self, source: str, imports: tuple[str, ...] = ()) -> str:
        """The whole file with the function's text replaced. Raises Unparsable."""
        return self.language.splice(self.text, self.function, source, imports)


@dataclass(frozen=True)
class Version:
    """One text of the function to be tried."""

    source: str
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Course:
    """Which tests a version is run on, and under what limits."""

    tests: tuple[str, ...]
    stop_first: bool = False
    seconds: float = 5.0
    """CPU seconds of one version; the wall limit is twice that and one second more."""
    step_limit: int = 1_000_000
    step_limits: Mapping[str, int] = field(default_factory=dict)
    pairs: int = 0
    """How many calls of the function are recorded as (arguments, outcome) digests."""
    trace: int = 0
    """How many traced statements are kept."""
    apart: bool = False
    """Whether the function runs in another process than the tests, which take nothing but plain values from it."""


class Stage:
    """Previews versions of one function. What it reports is guidance, never a verdict."""

    def __init__(self, lab: Lab, sandbox: Sandbox, place: Place, side: Side) -> None:
        self.lab = lab
        self.sandbox = sandbox
        self.place = place
        self.side = side
        self.warm = False
        self.own = False
        """Whether each version runs under an id of its own in the warm process."""
        self.why_cold = ""

    def start(self, tests: Sequence[str], seconds: float = 60.0) -> None:
        """Collects the tests in a fork server. Stays cold, with the reason, when that cannot serve."""
        self.collect(suite_job(self.side.plan, self.lab.limits, seconds=seconds, select=tests))

    def collect(self, job: wire.SuiteJob) -> None:
        """Collects the tests of a job, under its circumstances and limits for each test; see `start`."""
        width = max(1, round(self.lab.limits.cpus))
        job = replace(job, args=("-s", *job.args))
        reply = self.sandbox.ask(wire.warm_job(job, width), seconds=job.seconds)
        if "error" in reply or not reply.get("tests"):
            self.why_cold = wire.clean(reply.get("error") or "no test was collected", 200)
            return
        self.arm(own=reply.get("own") is True)

    def arm(self, *, own: bool) -> None:
        """Has the fork server replace this stage's function from now on, and no other."""
        reply = self.sandbox.ask(wire.trial_job(wire.arm_message(self.place.unit)), seconds=30)
        if not reply.get("functions"):
            self.why_cold = "no live function object runs this code (made at run time, or compiled)"
            return
        self.warm, self.own = True, own

    def turned(self, place: Place) -> Stage:
        """A stage for another function in the same fork server; this one is not to be used again."""
        stage = Stage(self.lab, self.sandbox, place, self.side)
        stage.arm(own=self.own)
        return stage

    def share(self, on: bool) -> None:
        """Lets all versions run under one id, the warm process's own, or each under its own again."""
        self.own = self.sandbox.ask(wire.trial_job({"kind": "share", "on": on}), seconds=30).get("own") is True

    def preview(
        self, versions: Sequence[Version], course: Course
    ) -> Generator[tuple[int, wire.TrialReply], None, None]:
        """Runs versions on a course side by side; yields (index, what happened) as they end. Closing it early ends
        those that run, and leaves out the others."""
        if not self.warm:
            for index, version in enumerate(versions):
                answer = self.fresh(version, course)
                self.lab.count(0, 1)
                yield index, answer
            return
        jobs = [wire.trial_job(self.message(version, course)) for version in versions]
        wait = 2 * course.seconds + 30
        with contextlib.closing(self.sandbox.ask_many(jobs, seconds=wait)) as replies:
            for index, reply in replies:
                self.lab.count(1, 1)
                answer = wire.read_trial(reply)
                if answer.status == "unswappable":
                    answer = self.fresh(versions[index], course)
                elif answer.status == "lost":
                    raise SandboxError(f"the fork server ended: {answer.message}", slug="fork-server")
                yield index, answer

    def message(self, version: Version, course: Course) -> dict[str, object]:
        """The fork server's request for one version."""
        return {
            "kind": "trial",
            "source": self.place.unit_source(version.source),
            "imports": list(version.imports),
            "tests": list(course.tests),
            "stop_first": course.stop_first,
            "seconds": course.seconds,
            "step_limit": course.step_limit,
            "step_limits": dict(course.step_limits),
            "pairs": course.pairs,
            "trace": course.trace,
            "apart": course.apart,
        }

    def fresh(self, version: Version, course: Course) -> wire.TrialReply:
        """One version in a fresh process, its file compiled from memory."""
        module = self.place.module(version.source, version.imports)
        job = suite_job(
            self.side.plan,
            self.lab.limits,
            seconds=2 * course.seconds + 30,
            select=course.tests,
            test_seconds=course.seconds,
            replaced={self.place.function.path: module},
        )
        if course.stop_first:
            job = replace(job, args=("-x", *job.args))
        run = run_suite(self.lab, self.sandbox, job)
        path = self.place.function.path
        rows = tuple(
            wire.Row(
                test.id,
                test.outcome,
                test.message,
                test.exception,
                next((frame.line for frame in reversed(test.frames) if frame.path == path), 0),
                test.seconds,
                0,
                next((frame.line for frame in test.frames if frame.path == test.id.split("::")[0]), 0),
            )
            for test in run.tests
        )
        status = "ran" if rows else "crashed"
        message = run.problem.message if run.problem is not None else ""
        return wire.TrialReply(status, rows, 0, (), (), message, 0, run.seconds, swapped=False)

    def replay(
        self, version: Version | None, inputs: Sequence[str], *, derive: int, seed: int, seconds: float, steps: int
    ) -> tuple[wire.Replayed, ...] | None:
        """Outcomes of the function on recorded arguments and on `derive` variants of each; None if it can't."""
        if not self.warm or self.place.unit.target_path or not inputs:
            return None
        message = {
            "kind": "replay",
            "source": None if version is None else self.place.unit_source(version.source),
            "imports": [] if version is None else list(version.imports),
            "inputs": list(inputs),
            "parameters": [list(pair) for pair in self.place.unit.parameters],
            "derive": derive,
            "seed": seed,
            "seconds": seconds,
            "step_limit": steps,
        }
        self.lab.count()
        return wire.read_replay(self.sandbox.ask(wire.trial_job(message), seconds=2 * seconds + 30))

    def call(
        self,
        version: Version | None,
        inputs: Sequence[wire_calls.Input],
        *,
        derive: int = 0,
        seed: int = 0,
        seconds: float = 3.0,
        steps: int = 200_000,
    ) -> tuple[wire_calls.Called, ...] | None:
        """What a version (None: the function as it stands) does on inputs and on `derive` variants of each, in
        order; None where the fork server cannot call it.

        Inputs at the end that the time did not suffice for are left out. A call that takes its process with it
        is told as such, and the rest is called in a new one.
        """
        if not self.warm or self.place.unit.target_path or not inputs:
            return None
        source, imports = (None, ()) if version is None else self.text_of(version)
        rows: list[wire_calls.Called] = []
        until = time.monotonic() + seconds
        left = seconds
        for _ in range(MAX_CHILDREN):
            more = {"derive": derive, "seed": seed, "seconds": left, "step_limit": steps, "start": len(rows)}
            message = wire_calls.call_message(self.place.unit, source, imports, inputs, **more)
            self.lab.count()
            reply = self.sandbox.ask(wire.trial_job(message), seconds=2 * left + 30)
            batch = wire_calls.read_calls(reply, len(rows))
            rows += batch.rows
            left = until - time.monotonic()
            if batch.complete or not batch.rows or left < 0.3 or len(rows) >= len(inputs) * (derive + 1):
                break
        return tuple(rows) if rows else None

    def text_of(self, version: Version) -> tuple[str, tuple[str, ...]]:
        """A version as the fork server takes it."""
        return self.place.unit_source(version.source), version.imports

    def measure(
        self,
        versions: Sequence[Version | None],
        inputs: Sequence[wire_calls.Input],
        *,
        scales: Sequence[int] = (1,),
        seconds: float = 4.0,
        seed: int = 0,
        deep: bool = False,
    ) -> tuple[wire_calls.Timing, ...] | None:
        """Interleaved times of versions on inputs at scales; None where the fork server cannot call them.

        With `deep`, collections within collections are what grows.

        Times are CPU time of one thread. Ask for it when nothing else of ours runs: the fork server lets a
        measurement run alone, but other sandboxes share the machine.
        """
        if not self.warm or self.place.unit.target_path or not inputs or not versions:
            return None
        texts = [(None, ()) if version is None else self.text_of(version) for version in versions]
        more = {"scales": list(scales), "seconds": seconds, "seed": seed, "deep": deep}
        message = wire_calls.measure_message(self.place.unit, texts, inputs, **more)
        self.lab.count()
        reply = self.sandbox.ask(wire.trial_job(message), seconds=2 * seconds + 60)
        return wire_calls.read_timings(reply, len(versions), len(inputs))


def difference(together: wire.TrialReply, alone: wire.TrialReply) -> str:
    """Why a version that ran both ways cannot be judged apart from the tests; '' where it did the same."""
    if alone.status == "not-plain":
        return alone.message
    if together.status != "ran":
        return f"with the tests in one process it ended as {together.status!r}"
    if not alone.apart or alone.status != "ran":
        return f"in a process of its own it ended as {alone.status!r}"
    there = {row.test: row for row in alone.rows}
    for row in together.rows:
        other = there.get(row.test)
        if other is None or (row.outcome, row.exception, row.message) != (
            other.outcome,
            other.exception,
            other.message,
        ):
            said = "is not run" if other is None else f"is {other.outcome} ({other.message or 'without a word'})"
            return f"in a process of its own {row.test} {said}, with the tests it is {row.outcome}"
    return ""

"""The second look: the tests that execute the function, once more, in other circumstances than the cold proof.

Another container, another order, hash seed and time zone; among the repository's tests some of ours with known
outcomes; the lines of the tests themselves watched; and, where arguments and results are plain data, the function
in a process of its own. A fork server does all of it after one collection; where it cannot, or shows a difference,
processes of their own decide, so that what only a swap changes is held against nobody.
"""

from __future__ import annotations

import concurrent.futures
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot import trial, wire
from bot.checks import Look, Ran, Trialled
from bot.domain import Candidate, Function, Outcome, SuiteRun
from bot.errors import SandboxError
from bot.languages import Unparsable
from bot.steps.verify.case import Case, Settings, base_of, put
from bot.steps.verify.cold import cold_job, under_control

ELSEWHERE = {"TZ": "Asia/Kathmandu"}
"""Fifteen minutes off every whole hour; where it is not known it is as good as UTC."""
ODD_ANSWER = "the function's answer is not plain"
"""So begins why a candidate does not run apart, where its own answer is the reason and no argument of tests."""
STEPS = 1_000_000_000
"""Steps of a test that the second look allows: its clocks are those of the cold run."""
PATIENCE = 20.0
"""CPU seconds of one version besides what its tests may use."""


@dataclass(frozen=True)
class Scene:
    """What is run, the same for all versions."""

    side: trial.Side
    """Head with the tests of ours."""
    tests: tuple[str, ...]
    order: tuple[str, ...]
    """The repository's tests and ours, as they run."""
    job: wire.SuiteJob
    sentinels: Mapping[str, Outcome]
    certain: Mapping[str, frozenset[int]]
    honest: tuple[tuple[trial.Version, Mapping[str, Outcome]], ...]
    """Versions that nobody doubts, and what each came to in its own run. Made here, for parsing belongs to one
    thread: CPython 3.11 may take offence at two."""


def scene(lab: trial.Lab, case: Case, settings: Settings, chance: random.Random) -> Scene | None:
    """How the second look goes; None where there is no test to run.

    Names and order are drawn: `chance` must be none that a candidate could know.
    """
    tests = under_control(case)
    if not tests:
        return None
    paths = frozenset(case.head.files.paths())
    # A file that a test was collected from by way of a link is none of the tree: nothing is put beside it.
    home = next((path for test in tests if (path := test.partition("::")[0]) in paths), "")
    names = [test.partition("::")[2].partition("[")[0] for test in tests]
    ours = case.place.language.sentinels(home.rpartition("/")[0], paths, names, chance)
    side = trial.with_files(case.head, {ours.path: ours.code})
    env = {**side.plan.env, **ELSEWHERE, "PYTHONHASHSEED": str(chance.randrange(1, 1 << 32))}
    side = replace(side, plan=replace(side.plan, env=env))
    order = drawn(tests, tuple(ours.expected), chance)
    watch, certain = bodies(case, tests)
    job = cold_job(lab, replace(case, head=side), settings, order)
    job = replace(job, watch=watch, calls=False, ordered=True)
    honest = [(replace_by(case.place.function), cold_of(case, base=False))]
    honest += [(version, cold_of(case, base=True)) for version in base_of(case)]
    return Scene(side, tests, order, job, ours.expected, certain, tuple(honest))


def drawn(tests: Sequence[str], ours: Sequence[str], chance: random.Random) -> tuple[str, ...]:
    """The tests backwards, with ours after the first and at the end: the function must have had its say."""
    mixed = chance.sample(ours, len(ours))
    half = len(mixed) // 2
    last, *others = reversed(tests)
    return (last, *mixed[:half], *others, *mixed[half:])


def bodies(case: Case, tests: Sequence[str]) -> tuple[tuple[wire.Watch, ...], dict[str, frozenset[int]]]:
    """(the functions of the tests, to be watched, and the lines of each that it cannot pass without)."""
    language = case.place.language
    functions: dict[str, dict[str, Function]] = {}
    watch: dict[str, wire.Watch] = {}
    certain: dict[str, frozenset[int]] = {}
    for test in tests:
        path, _, name = test.partition("::")
        try:
            if path not in functions:
                text = language.decode(case.head.files.read(path))
                functions[path] = {function.qualname: function for function in language.functions(path, text)}
            function = functions[path].get(name.partition("[")[0].replace("::", "."))
            if function is None:
                continue
            certain[test] = language.certain(function)
        except (KeyError, Unparsable):
            functions.setdefault(path, {})
            continue
        bare = function.qualname.rpartition(".")[2]
        watch[function.id] = wire.Watch(function.id, path, function.start_line, bare)
    return tuple(watch.values()), certain


class Beside:
    """The second look of one candidate, taken while the cold run goes on."""

    def __init__(self, lab: trial.Lab, case: Case, candidate: Candidate, settings: Settings) -> None:
        self.lab = lab
        self.case = case
        self.candidate = candidate
        self.scene = scene(lab, case, settings, random.SystemRandom())
        self.pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="tryline-second")
        self.taken: concurrent.futures.Future[Look | None] | None = None
        self.found: Look | None = None

    def __enter__(self) -> Beside:
        if self.scene is not None:
            self.taken = self.pool.submit(forked, self.lab, self.case, self.candidate, self.scene)
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)

    def look(self) -> Look | None:
        """What the fork server showed, or else processes of their own; None where there is no test to run.

        Raises SandboxError when the engine fails twice.
        """
        if self.taken is None:
            return None
        try:
            self.found = self.taken.result()
        except SandboxError:
            self.found = None
        return self.found or self.again()

    def again(self) -> Look | None:
        """What processes of their own show. Raises SandboxError when the engine fails."""
        return fresh(self.lab, self.case, self.candidate, self.scene, self.found) if self.scene else None


def beside_cold(look: Look | None, trialled: Trialled) -> Look | None:
    """The second look with what the cold run came to in its tests; a file that could not be loaded at head is
    known by the tests that came of it."""
    if look is None:
        return None
    wanted = set(look.tests)
    compared = {
        test.id: test.outcome
        for test in trialled.run.tests
        if test.id not in trialled.flaky
        and not wanted.isdisjoint((test.id, test.id.partition("::")[0], test.id.partition("[")[0]))
    }
    return replace(look, compared=compared)


def brief(why: str) -> str:
    """The first line of a reason, clipped: a failure's text may be long."""
    line = why.strip().partition("\n")[0]
    return line if len(line) <= 200 else line[:197] + "..."


# ------------------------------------------------------------------------------------------------ forked


def forked(lab: trial.Lab, case: Case, candidate: Candidate, this: Scene) -> Look | None:
    """The second look by a fork server; None where that cannot swap the function. Raises SandboxError."""
    with lab.open(this.side) as box:
        stage = trial.Stage(lab, box, case.place, this.side)
        stage.collect(this.job)
        if not stage.warm:
            return None
        honest = [reply_of(stage, this, version, cold) for version, cold in this.honest]
        new = trial.Version(candidate.source, candidate.imports)
        run = reply_of(stage, this, new, {})
        if any(reply is None for reply, _ in (*honest, run)):
            return None
        look = Look(
            this.tests,
            run[1],
            tuple(ran for _, ran in honest),
            sentinels=this.sentinels,
            certain=this.certain,
        )
        return apart(stage, this, look, [reply for reply, _ in honest if reply], new)


def replace_by(function: Function) -> trial.Version:
    """A function as it stands."""
    return trial.Version(function.source.replace("\r\n", "\n"))


def cold_of(case: Case, *, base: bool) -> dict[str, Outcome]:
    """What head or base came to in its own run; flaky tests left out."""
    run = case.evidence.base if base else case.evidence.head
    return {test.id: test.outcome for test in run.tests if test.id not in case.evidence.flaky}


def reply_of(
    stage: trial.Stage,
    this: Scene,
    version: trial.Version,
    cold: Mapping[str, Outcome],
    *,
    alone: bool = False,
) -> tuple[wire.TrialReply | None, Ran]:
    """(a version's reply, or None where it was not swapped in; what it did)."""
    # What hung or died in its own run would take all that comes after it along.
    deadly = {test for test, was in cold.items() if was in (Outcome.TIMEOUT, Outcome.CRASHED)}
    tests = tuple(test for test in (this.tests if alone else this.order) if test not in deadly)
    seconds = min(this.job.seconds, PATIENCE + sum(this.job.test_limits.get(test, 2.0) for test in tests))
    course = trial.Course(tests, seconds=seconds, step_limit=STEPS, apart=alone)
    reply = dict(stage.preview([version], course))[0]
    ran = Ran(
        {row.test: row.outcome for row in reply.rows},
        own_lines(reply.lines),
        cold,
        "" if reply.status == "ran" else f"{reply.status}: {reply.message}".removesuffix(": "),
    )
    return (reply if reply.swapped else None), ran


def own_lines(lines: Mapping[str, Mapping[str, Sequence[int]]]) -> dict[str, frozenset[int]]:
    """Test -> lines of its own file."""
    return {test: frozenset(files.get(test.partition("::")[0], ())) for test, files in lines.items()}


def apart(
    stage: trial.Stage,
    this: Scene,
    look: Look,
    together: Sequence[wire.TrialReply],
    new: trial.Version,
) -> Look:
    """The look with the function in a process of its own, where versions that nobody doubts do the same there."""
    honest = []
    for (version, cold), reply in zip(this.honest, together, strict=True):
        alone, ran = reply_of(stage, this, version, cold, alone=True)
        rows = tuple(row for row in reply.rows if row.test not in this.sentinels)
        if alone is None:
            return replace(look, why_in_process="it cannot be swapped in where it runs apart")
        if why := trial.difference(replace(reply, rows=rows), alone):
            return replace(look, why_in_process=brief(why))
        honest.append(ran)
    alone, ran = reply_of(stage, this, new, {}, alone=True)
    if alone is None or not alone.apart or alone.status == "not-plain":
        why = f"the rewrite: {alone.message}" if alone is not None else "the rewrite cannot be swapped in"
        evaded = alone.message if alone is not None and alone.message.startswith(ODD_ANSWER) else ""
        return replace(look, why_in_process=brief(why), evaded=brief(evaded), honest_apart=tuple(honest))
    return replace(look, apart=ran, honest_apart=tuple(honest))


# ------------------------------------------------------------------------------------- in processes of their own


def fresh(lab: trial.Lab, case: Case, candidate: Candidate, this: Scene, earlier: Look | None) -> Look:
    """The second look by a process for each version, its file on the disk. Raises SandboxError.

    What an `earlier` look by a fork server showed of the function in a process of its own stays.
    """
    with lab.open(this.side) as box:

        def ran(version: trial.Version, cold: Mapping[str, Outcome]) -> Ran:
            put(box, case, case.place.module(version.source, version.imports))
            deadly = {test for test, was in cold.items() if was in (Outcome.TIMEOUT, Outcome.CRASHED)}
            tests = tuple(test for test in this.order if test not in deadly)
            run: SuiteRun = trial.run_suite(lab, box, replace(this.job, select=tests))
            outcomes = {test.id: test.outcome for test in run.tests}
            problem = run.problem.message if run.problem is not None else ""
            return Ran(outcomes, own_lines(run.covered), cold, problem)

        honest = [ran(version, cold) for version, cold in this.honest]
        new = ran(trial.Version(candidate.source, candidate.imports), {})
    look = Look(this.tests, new, tuple(honest), sentinels=this.sentinels, certain=this.certain)
    if earlier is None:
        return replace(look, why_in_process="the function cannot be replaced in a running process")
    return replace(
        look,
        apart=earlier.apart,
        honest_apart=earlier.honest_apart,
        why_in_process=earlier.why_in_process,
        evaded=earlier.evaded,
    )

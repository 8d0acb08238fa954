"""A whole tree, function by function, highest risk first: the journey of an audit, and what it comes to.

One observation of the suite serves all functions. What depends on nothing that changed keeps its result; the rest
goes, in tasks of some functions of one file each, to an executor, and each task's result is kept at once.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import shlex
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from bot import __version__, audit_task, review, trial, wiring
from bot.audit_state import Kept, State, Under
from bot.audited import Attention, Audit, AuditedFinding, AuditedFunction, Risk, Standing
from bot.config import Config
from bot.domain import (
    Change,
    ChangedFunction,
    Conclusion,
    Costs,
    Evidence,
    Found,
    Function,
    FunctionReport,
    Problem,
    Review,
    Reviewed,
    Revision,
    Suspicion,
    TestResult,
)
from bot.draft import Draft, Ground, counted
from bot.errors import ExecutorError, SandboxError, TrylineError, without_addresses
from bot.executors import Done, Executor, Task
from bot.languages import Language, Unparsable
from bot.progress import Progress, Tally
from bot.record import from_json
from bot.steps import observe, suspect
from bot.steps.depend import Dependence, depend
from bot.steps.find import below, find_all
from bot.steps.rank import Figures, risk
from bot.workspace import Churn, Tree, Workspace

RESULTS = 1
"""Changes when what an audit makes of a function changes: results of another number are made anew."""
MOST_IN_TASK = 20
"""Functions of one task: few enough that an interruption costs little."""
NOT_OF_A_PART = ("not-executed", "all-red", "not-run")
"""Problems of a review that say something of the whole of it: those of a part say nothing."""

Clock = Callable[[], datetime.datetime]
"""The time now, in UTC."""


def audit(
    parts: wiring.Parts,
    workspace: Workspace,
    config: Config,
    progress: Progress,
    executor: Executor,
    state: State,
    *,
    head: str | None = None,
    paths: Sequence[str] = (),
    everything: bool = False,
    clock: Clock = lambda: datetime.datetime.now(datetime.UTC),
) -> Audit:
    """Audits a revision (None: HEAD), or what lies below some paths of it.

    What was audited before and depends on nothing that changed is not run again, unless `everything` is asked for.
    Infrastructure that fails makes the audit's review neutral, not an error; what was done until then is kept.
    Raises RepositoryError and UsageError for what cannot be audited as asked, ExecutorError where nothing can run.
    """
    desk = Desk(parts, workspace, config, progress, state, time.monotonic(), clock, everything)
    try:
        progress.stage("find", "every function of the tree")
        survey = surveyed(desk, head, paths)
        under = state.begin(
            Under(clock().isoformat(timespec="milliseconds"), uuid.uuid4().hex[:12], survey.ground)
        )
        known = state.functions()
        seen = observed(desk, survey, known)
        rows = ranked(desk, survey, seen, known, under)
        turns = chosen(desk, survey, seen, rows, under)
        progress.note(told_of(survey, rows, turns))
        if turns:
            progress.stage(
                "audit", f"{counted_of(len(turns), 'function')}, highest risk first, by {executor.name}"
            )
        ran = carried_out(desk, survey, seen, turns, executor, under)
        ran.notes[:0] = looked_for(desk, seen, len(turns))
        settled(desk, survey, seen, rows, under)
        return gathered(desk, survey, seen, rows, ran, under)
    finally:
        parts.backend.close()


@dataclass(frozen=True)
class Desk:
    """What an audit is made with."""

    parts: wiring.Parts
    workspace: Workspace
    config: Config
    progress: Progress
    state: State
    began: float
    clock: Clock
    everything: bool = False
    """Whether what stands is to be audited again."""

    def seconds_left(self) -> float:
        """Of the audit's budget."""
        return self.config.audit.seconds - (time.monotonic() - self.began)


# ------------------------------------------------------------------------------------------------ the tree


@dataclass(frozen=True)
class Survey:
    """The tree and its functions, before anything is run."""

    revision: Revision
    tree: Tree
    found: Found
    languages: Mapping[str, Language]
    """By path of a file that holds functions."""
    texts: Mapping[str, str]
    files: Mapping[str, str]
    """Path -> digest of the file."""
    own: Mapping[str, str]
    """Path -> digest of what of the file belongs to no function."""
    settings: str
    """Digest of the settings that a result depends on, of the installation and of our version."""
    ground: str
    """Digest of tree, settings and what was asked for: what was observed on it holds as long as it is the same."""
    paths: tuple[str, ...] = ()
    """What was asked for; empty: all."""

    def holds(self, name: str) -> bool:
        """Whether a function's id lies within what was asked for."""
        path = name.partition("::")[0]
        return not self.paths or any(below(path, asked) for asked in self.paths)


def surveyed(desk: Desk, head: str | None, paths: Sequence[str]) -> Survey:
    """Reads the tree."""
    config, workspace = desk.config, desk.workspace
    revision = workspace.revision(head or "HEAD")
    tree = workspace.tree(revision)
    found = find_all(
        tree,
        desk.parts.languages,
        exclude=config.exclude,
        max_file_bytes=config.max_file_kb * 1024,
        paths=paths,
    )
    languages: dict[str, Language] = {}
    texts: dict[str, str] = {}
    files: dict[str, str] = {}
    own: dict[str, str] = {}
    by_path: dict[str, list[Function]] = {}
    for changed in found.functions:
        by_path.setdefault(changed.head.path, []).append(changed.head)
    for path, functions in by_path.items():
        language = next(lang for lang in desk.parts.languages if lang.owns(path))
        data = tree.read(path)
        languages[path], texts[path] = language, language.decode(data)
        files[path] = hashlib.sha256(data).hexdigest()
        own[path] = digest_of(*outside(texts[path], functions))
    recipe = desk.parts.languages[0].recipe(tree, config.wishes())
    settings = digest_of(f"{__version__}/{RESULTS}", recipe.key(), settings_that_matter(config))
    ground = digest_of(tree.digest, settings, *sorted(paths))
    return Survey(revision, tree, found, languages, texts, files, own, settings, ground, tuple(paths))


def settings_that_matter(config: Config) -> str:
    """The settings that a function's result depends on, as text: not how much is run, nor where it is told."""
    values = config.model_dump(
        mode="json",
        exclude={
            "origins",
            "audit",
            "budget",
            "comments",
            "pull",
            "fail_on",
            "exclude",
            "max_file_kb",
            "endpoint",
        },
    )
    model = [config.endpoint.model, config.endpoint.url is not None] if config.endpoint.url else None
    return json.dumps([values, model], sort_keys=True)


def outside(text: str, functions: Sequence[Function]) -> list[str]:
    """The lines of a file that belong to no function, empty ones left out: they say nothing."""
    inside = {line for f in functions for line in range(f.start_line, f.end_line + 1)}
    return [line for number, line in enumerate(text.split("\n"), 1) if number not in inside and line.strip()]


def digest_of(*texts: str) -> str:
    """One digest of texts in their order."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()


# --------------------------------------------------------------------------------------------- observation


@dataclass(frozen=True)
class Seen:
    """What running the suite showed, or what an earlier audit of the same tree knows of it."""

    evidence: Evidence | None
    """None where nothing had to be run: every function has a result on this ground."""
    tests: Mapping[str, tuple[str, ...]]
    """Function id -> tests that execute it."""
    covered: Mapping[str, int]
    """Function id -> how many of its lines tests execute."""
    ran: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Function id -> which; where this tree was observed."""
    problems: tuple[Problem, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    test_files: frozenset[str] = frozenset()
    costs: Costs = field(default_factory=Costs)
    failed: str = ""
    """Why nothing could be run, where that is so."""


def observed(desk: Desk, survey: Survey, known: Mapping[str, Kept]) -> Seen:
    """Runs the suite with every function watched, unless that was done on this very ground."""
    kept = desk.state.seen(survey.ground)
    if kept is not None:
        with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raw = json.loads(kept)
            evidence = audit_task.read_evidence(raw["evidence"])
            environment = {str(name): str(value) for name, value in raw["environment"].items()}
            problems = tuple(Problem(**problem) for problem in raw["problems"])
            desk.progress.note("the tests were run on this tree before; what they showed is at hand")
            return told(survey, evidence, problems, environment)
    names = [changed.id for changed in survey.found.functions]
    if not desk.everything and desk.state.finished(survey.ground) and all(name in known for name in names):
        desk.progress.note("nothing has changed since the last audit, which was complete: nothing is run")
        tests = {name: known[name].tests for name in names}
        return Seen(None, tests, {name: known[name].covered for name in names})
    return run(desk, survey)


def run(desk: Desk, survey: Survey) -> Seen:
    """One run of the whole suite. A broken engine is a problem, and leaves everything to be done."""
    desk.progress.stage("prepare", "an image with the repository's dependencies")
    change = Change(survey.revision, survey.revision, ())
    ground = Ground(change, audit_task.NoFiles(), survey.tree, desk.config, desk.parts, desk.began)
    lab = trial.Lab(desk.parts.backend, desk.config.limits())
    draft = Draft(ground, lab, survey.found)
    try:
        sides = review.prepare(ground, draft, desk.progress, alone=True)
        desk.progress.stage("observe", f"the tests, with {len(survey.found.functions)} functions watched")
        seconds = min(desk.config.test.seconds, max(10.0, desk.seconds_left()))
        settings = observe.Settings(seconds=seconds, repeats=desk.config.repeats)
        evidence = observe.observe_head(lab, sides.head, survey.found.functions, settings, desk.progress)
    except SandboxError as problem:
        hint = f" ({problem.hint})" if problem.hint else ""
        problems = (*draft.problems, Problem(problem.slug, f"{problem.message}{hint}"))
        costs = costs_of(desk, lab, draft)
        return Seen(
            None, {}, {}, problems=problems, environment=draft.environment, costs=costs, failed=problem.message
        )
    problems = tuple(draft.problems)
    if evidence.head.problem is not None:
        problems += (evidence.head.problem,)
        evidence = replace(evidence, head=replace(evidence.head, problem=None))
    seen = told(survey, evidence, problems, draft.environment)
    raw = {
        "evidence": audit_task.evidence_json(evidence),
        "problems": [vars(problem) for problem in problems],
        "environment": dict(draft.environment),
    }
    if not problems:
        # What a stopped suite or half an installation showed is no reason not to run them again.
        desk.state.saw(survey.ground, json.dumps(raw))
    return replace(seen, costs=costs_of(desk, lab, draft))


def costs_of(desk: Desk, lab: trial.Lab, draft: Draft) -> Costs:
    """What the observation used."""
    return Costs(lab.executions, desk.parts.backend.containers, 0.0, draft.prepare_seconds)


def told(
    survey: Survey, evidence: Evidence, problems: tuple[Problem, ...], environment: Mapping[str, str]
) -> Seen:
    """Which tests execute which function: one pass over what the tests covered."""
    owners: dict[str, dict[int, list[str]]] = {}
    for changed in survey.found.functions:
        owned = owners.setdefault(changed.head.path, {})
        for line in audit_task.lines_in(changed.head):
            owned.setdefault(line, []).append(changed.id)
    tests: dict[str, list[str]] = {}
    covered: dict[str, set[int]] = {}
    for test in evidence.head.tests:
        executed: dict[str, None] = {}
        for path, lines in evidence.head.covered.get(test.id, {}).items():
            known = owners.get(path, {})
            for line in lines:
                for name in known.get(line, ()):
                    executed[name] = None
                    covered.setdefault(name, set()).add(line)
        if test.id not in evidence.flaky:
            for name in executed:
                tests.setdefault(name, []).append(test.id)
    return Seen(
        evidence,
        {name: tuple(ids) for name, ids in tests.items()},
        {name: len(lines) for name, lines in covered.items()},
        {name: frozenset(lines) for name, lines in covered.items()},
        problems,
        environment,
        test_files=frozenset(trial.files_of(evidence.head.collected)),
    )


# ---------------------------------------------------------------------------------------------------- keys


def keys_of(survey: Survey, seen: Seen, dependence: Dependence) -> dict[str, str]:
    """Function id -> digest of all that its result depends on."""
    functions = [changed.head for changed in survey.found.functions]
    texts = TestTexts(survey, seen.test_files)
    return {
        function.id: digest_of(
            survey.settings, dependence.digests[function.id], texts.of(seen.tests.get(function.id, ()))
        )
        for function in functions
    }


class TestTexts:
    """What tests are made of: their own text, their file's besides its tests, and what supports all tests."""

    __test__ = False

    def __init__(self, survey: Survey, files: frozenset[str]) -> None:
        self._survey = survey
        self._files: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._digests: dict[tuple[str, ...], str] = {}
        languages = {**survey.languages}
        self._language = next(iter(languages.values()), None)
        # Helpers, fixtures, data beside the tests: whatever lies among the tests and holds none.
        support = [p for p in survey.tree.paths() if p not in files and self._supports(p)]
        self._support = digest_of(*(part for path in support for part in (path, self._blob(path))))

    def of(self, tests: Sequence[str]) -> str:
        """One digest for some tests; the same while all that they consist of is the same."""
        key = tuple(tests)
        if not key:
            return "no tests"
        if key not in self._digests:
            self._digests[key] = digest_of(self._support, *(self._one(test) for test in key))
        return self._digests[key]

    def _supports(self, path: str) -> bool:
        return self._language is not None and self._language.is_test(path)

    def _blob(self, path: str) -> str:
        return hashlib.sha256(self._survey.tree.read(path)).hexdigest()

    def _one(self, test: str) -> str:
        path, _, name = test.partition("::")
        rest, bodies = self._file(path)
        bare = name.partition("[")[0].replace("::", ".")
        # A test whose text is not found (another runner's name) depends on its whole file.
        return digest_of(test, rest, bodies.get(bare, "") if bare in bodies else "".join(bodies.values()))

    def _file(self, path: str) -> tuple[str, Mapping[str, str]]:
        """What of a test file belongs to no test, and the text of each function that is one."""
        if path not in self._files:
            try:
                data = self._survey.tree.read(path)
                if self._language is None:
                    raise KeyError(path)
                text = self._language.decode(data)
                functions = [f for f in self._language.functions(path, text) if is_test_name(f)]
                self._files[path] = (
                    digest_of(*outside(text, functions)),
                    {f.qualname.partition("@")[0]: f.source for f in functions},
                )
            except (KeyError, Unparsable):
                self._files[path] = ("", {})
        return self._files[path]


def is_test_name(function: Function) -> bool:
    """Whether a function of a test file is a test by its name; others may help any of them."""
    return "<locals>" not in function.qualname and function.qualname.rpartition(".")[2].startswith("test")


# ------------------------------------------------------------------------------------------------- ranking


@dataclass
class Row:
    """One function on its way through the audit."""

    changed: ChangedFunction
    key: str
    risk: Risk
    kept: Kept | None = None
    """Its last result, if it has one."""
    attention: Attention = Attention.OVER_BUDGET
    why: str = "its turn did not come within the budget of this audit (`audit.*`)"

    @property
    def name(self) -> str:
        """Its id."""
        return self.changed.id


def ranked(desk: Desk, survey: Survey, seen: Seen, known: Mapping[str, Kept], under: Under) -> list[Row]:
    """All functions, highest risk first."""
    most = desk.config.audit.commits
    churn = desk.workspace.churn(survey.revision, most) if most and survey.revision.commit else Churn({}, 0, False)
    if churn.shallow:
        commits = counted_of(churn.looked_at, "commit")
        desk.progress.note(f"this clone is shallow and holds {commits}: what changes often is not fully known")
    functions = [changed.head for changed in survey.found.functions]
    dependence = depend(functions, survey.languages, survey.own)
    if seen.evidence is not None:
        keys = keys_of(survey, seen, dependence)
    else:
        # The ground is the same, and so is what results depend on; where nothing could be run, nothing is known.
        keys = {} if seen.failed else {name: kept.key for name, kept in known.items()}
    history = desk.state.history()
    rows = []
    for changed in survey.found.functions:
        function, kept = changed.head, known.get(changed.id)
        language = survey.languages[function.path]
        figures = Figures(
            branches=language.branches(function),
            commits=churn.commits.get(function.path, 0),
            lines=len(language.code_lines(survey.texts[function.path], function)),
            executed=seen.covered.get(changed.id, 0),
            callers=dependence.callers[changed.id],
            findings=history.get(changed.id, 0),
            days=days_between(kept.at, under.at) if kept is not None else None,
        )
        rows.append(Row(changed, keys.get(changed.id, ""), risk(figures), kept))
    rows.sort(key=lambda row: (-row.risk.score, row.name))
    return rows


def days_between(earlier: str, later: str) -> float | None:
    """Days between two ISO 8601 times; None for what is no time."""
    try:
        gone = datetime.datetime.fromisoformat(later) - datetime.datetime.fromisoformat(earlier)
    except (ValueError, TypeError):
        return None
    return max(0.0, gone.total_seconds() / 86_400)


def chosen(desk: Desk, survey: Survey, seen: Seen, rows: Sequence[Row], under: Under) -> list[Row]:
    """Whose turn comes, in order: first who waits, longest first, then by risk. What stands is marked as such."""
    waiting = desk.state.waiting()
    due = []
    for row in rows:
        if stands(desk, survey, row, under):
            now = row.kept is not None and row.kept.at == under.at
            row.attention, row.why = Attention.AUDITED if now else Attention.UNCHANGED, ""
        elif seen.failed:
            row.attention, row.why = Attention.FAILED, f"nothing could be run: {seen.failed}"
        else:
            due.append(row)
    due.sort(key=lambda row: (row.name not in waiting, waiting.get(row.name, ""), -row.risk.score, row.name))
    return due[: desk.config.audit.functions]


def stands(desk: Desk, survey: Survey, row: Row, under: Under) -> bool:
    """Whether the last result of a function is a result of what it is now. What was found stands for the very text
    of its file: lines and rewrites are told by it."""
    kept = row.kept
    if kept is None or not row.key or kept.key != row.key:
        return False
    if desk.everything and kept.at != under.at:
        return False
    return not kept.found or kept.file == survey.files[row.changed.head.path]


def told_of(survey: Survey, rows: Sequence[Row], turns: Sequence[Row]) -> str:
    """How much there is to do, in one line."""
    standing = sum(row.attention in (Attention.UNCHANGED, Attention.AUDITED) for row in rows)
    over = len(rows) - standing - len(turns)
    return (
        f"functions: {len(rows)}; results that stand: {standing}; to be audited: {len(turns)}; "
        f"over budget: {over}; files left out: {len(survey.found.not_reviewed)}"
    )


def counted_of(number: int, noun: str) -> str:
    """`1 function`, `2 functions`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# --------------------------------------------------------------------------------------------- the work


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


# ------------------------------------------------------------------------------------------------ the result


def gathered(
    desk: Desk,
    survey: Survey,
    seen: Seen,
    rows: Sequence[Row],
    ran: Ran,
    under: Under,
) -> Audit:
    """All of it as one value."""
    since = desk.state.since()
    reports: list[FunctionReport] = []
    items: list[Reviewed] = []
    unproven: list[Suspicion] = []
    for row in rows:
        last = desk.state.result(row.name) if row.kept is not None else None
        if last is None or not last.functions:
            reports.append(observed_again(FunctionReport(row.changed, 0, 0, (), whole=False), survey, seen))
            continue
        moved = Moved(
            row.changed, last.functions[0].function.head, survey.files[row.changed.head.path] == kept_file(row)
        )
        report = moved.report(last.functions[0], whole=row.attention in DONE)
        reports.append(observed_again(report, survey, seen))
        items += (moved.item(item) for item in last.findings)
        unproven += (moved.suspicion(suspicion) for suspicion in last.unproven)
    items.sort(
        key=lambda item: (-item.finding.severity.rank, item.finding.function.head.path, item.finding.start_line)
    )
    findings = tuple(standing(item, since, under) for item in items)
    problems = (*problems_of(seen, rows), *ran.problems)
    review_ = Review(
        id=under.id,
        change=Change(survey.revision, survey.revision, ()),
        conclusion=conclusion_of(items, problems, rows),
        functions=tuple(reports),
        findings=tuple(items),
        not_reviewed=survey.found.not_reviewed,
        unproven=tuple(unproven),
        test_changes=(),
        problems=problems,
        costs=replace(ran.costs, seconds=time.monotonic() - desk.began),
        environment={**ran.environment, **seen.environment, "tryline": __version__},
        suite={"head": counted(seen.evidence.head)} if seen.evidence is not None else {},
        flaky=tuple(sorted(seen.evidence.flaky)) if seen.evidence is not None else (),
        notes=tuple(ran.notes),
    )
    return Audit(
        id=under.id,
        revision=survey.revision,
        when=under.at,
        functions=tuple(audited(row, seen, report) for row, report in zip(rows, reports, strict=True)),
        findings=findings,
        fixed=desk.state.fixed(under),
        review=review_,
        paths=survey.paths,
        previous=desk.state.previous(under),
    )


def observed_again(report: FunctionReport, survey: Survey, seen: Seen) -> FunctionReport:
    """The report with what this audit's own run of the suite shows of the function, where there was one."""
    if seen.evidence is None:
        return report
    function = report.function.head
    code = survey.languages[function.path].code_lines(survey.texts[function.path], function)
    return replace(
        report,
        tests=len(seen.tests.get(function.id, ())),
        calls=len(seen.evidence.head.calls.get(function.id, ())),
        unexecuted_lines=tuple(sorted(code - seen.ran.get(function.id, frozenset()))),
    )


def looked_for(desk: Desk, seen: Seen, turns: int) -> Iterator[str]:
    """What the silence about a function means, and what was run for it."""
    prove, notes = desk.config.prove, ["tests that fail"]
    notes += ["crashes on inputs that reach lines no test runs"] * prove.behaviour
    notes += ["payloads that reach their target"] * prove.security
    notes += ["time that can be saved"] * prove.performance
    notes += ["what analysers suspect"] * prove.analysers
    model = "what a model suspects" if desk.parts.model is not None and desk.config.guidance.review else ""
    yield f"Looked for: {', '.join([*notes, *filter(None, (model,))])}{'' if model else '; no model was asked'}."
    if seen.evidence is not None and seen.costs.executions:
        watched = counted_of(len(seen.tests), "function")
        yield f"The suite was run in {seen.evidence.head.seconds:.1f} s; it executes {watched}."
    elif turns and seen.evidence is not None:
        yield "The suite was run on this very tree by an audit before, which was interrupted or over budget."


DONE = (Attention.AUDITED, Attention.UNCHANGED)


def kept_file(row: Row) -> str:
    """Digest of the file that a row's result stands for."""
    return row.kept.file if row.kept is not None else ""


@dataclass(frozen=True)
class Moved:
    """What was said of a function, said of where it stands now."""

    now: ChangedFunction
    then: Function
    same: bool
    """Whether its file is byte for byte as it was."""

    def line(self, number: int) -> int:
        """A line of then as a line of now, within the function."""
        head = self.now.head
        return min(max(number + head.start_line - self.then.start_line, head.start_line), head.end_line)

    def report(self, report: FunctionReport, *, whole: bool) -> FunctionReport:
        """What was seen of it."""
        lines = tuple(dict.fromkeys(self.line(number) for number in report.unexecuted_lines))
        return replace(report, function=self.now, unexecuted_lines=lines, whole=report.whole and whole)

    def suspicion(self, suspicion: Suspicion) -> Suspicion:
        """What was suspected of it."""
        return replace(suspicion, function=self.now, suspicious_lines=self.scores(suspicion.suspicious_lines))

    def scores(self, lines: Mapping[int, float]) -> dict[int, float]:
        """How suspicious its lines are."""
        return {self.line(number): score for number, score in lines.items()}

    def item(self, item: Reviewed) -> Reviewed:
        """What was found in it; a rewrite holds for the very text alone for which it was proven."""
        if self.same:
            return item
        finding = item.finding
        moved = replace(
            finding,
            function=self.now,
            start_line=self.line(finding.start_line),
            end_line=self.line(finding.end_line),
            suspicious_lines=self.scores(finding.suspicious_lines),
        )
        why = "its file has changed since, and its turn to be audited again has not come"
        return Reviewed(moved, None, None, why_no_rewrite=why, ignored=item.ignored)


def standing(item: Reviewed, since: Mapping[str, str], under: Under) -> AuditedFinding:
    """A finding, held against the audits before."""
    first = since.get(item.finding.id, under.at)
    return AuditedFinding(item, Standing.NEW if first >= under.at else Standing.STILL, first)


def conclusion_of(items: Sequence[Reviewed], problems: Sequence[Problem], rows: Sequence[Row]) -> Conclusion:
    """One word; an audit that could not run what matters is never clean."""
    if any(not item.ignored for item in items):
        return Conclusion.FINDINGS
    if problems or any(row.attention is Attention.OVER_BUDGET for row in rows):
        return Conclusion.NEUTRAL
    return Conclusion.CLEAN if rows else Conclusion.NOTHING


def problems_of(seen: Seen, rows: Sequence[Row]) -> tuple[Problem, ...]:
    """What did not run: the suite, and functions that failed, those of one reason in one sentence."""
    problems = list(seen.problems)
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.attention is Attention.FAILED and not seen.failed:
            reasons.setdefault(row.why, []).append(row.name)
    for why, names in reasons.items():
        many = f"{names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        problems.append(Problem("not-audited", f"{many}: {why}"))
    return tuple(problems)


def audited(row: Row, seen: Seen, report: FunctionReport) -> AuditedFunction:
    """One function's row in the audit."""
    kept_ = row.kept
    return AuditedFunction(
        function=row.changed.head,
        key=row.key,
        risk=row.risk,
        attention=row.attention,
        when=kept_.at if kept_ is not None else "",
        tests=len(seen.tests.get(row.name, ())),
        calls=report.calls,
        seconds=kept_.seconds if kept_ is not None else 0.0,
        executions=kept_.executions if kept_ is not None else 0,
        why=row.why,
    )

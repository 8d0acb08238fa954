"""One problem in containers: observed once, searched by one arm at a time, judged cold by what was held back."""

from __future__ import annotations

import io
import tarfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot import brief, examine, trial
from bot.detectors import Detector
from bot.domain import (
    Candidate,
    ChangedFunction,
    Evidence,
    Finding,
    Image,
    Outcome,
    Search,
    SuiteRun,
    Usage,
)
from bot.endpoints import Answer, Capabilities, Endpoint, Proposer, Request
from bot.errors import BudgetSpent, EndpointError, SandboxError
from bot.languages import InstallWishes, Language, SuiteWishes, Unparsable
from bot.problems.arms import MOST_TURNS, Arm
from bot.problems.forms import HIDDEN, VISIBLE, Problem
from bot.progress import Progress
from bot.sandboxes import Contents
from bot.steps import observe, propose, prove, suspect
from bot.steps.propose.writing import Guidance, Writer

OWN_FAULT = ("endpoint-context",)
"""Failed requests that belong to the arm: it asked for more than the model can read."""


@dataclass(frozen=True)
class Model:
    """A model endpoint, as cells use it."""

    open: Callable[[], Endpoint]
    """A fresh endpoint with one cell's allowance. Answers from a cache must count like sent ones: otherwise arms
    that repeat each other's requests would get more."""
    count: Callable[[str], int]
    """How many tokens a text has."""


@dataclass(frozen=True)
class Workshop:
    """What every cell is made with."""

    lab: trial.Lab
    language: Language
    detectors: tuple[Detector, ...]
    edits: tuple[Proposer, ...]
    """The built-in proposers, for the arm without a model."""
    model: Model | None
    search: propose.Settings
    """Executions and seconds of one cell; the seed is the cell's."""
    suite_seconds: float = 120.0
    test_seconds: float = 10.0
    install: InstallWishes = field(default_factory=InstallWishes)


@dataclass(frozen=True)
class Ground:
    """A problem, observed: where every arm starts from. Of `problem` no search gets what is held back."""

    problem: Problem
    side: trial.Side
    place: trial.Place
    function: ChangedFunction
    evidence: Evidence
    finding: Finding
    guide: propose.Guide


@dataclass(frozen=True)
class Tried:
    """What one arm made of one problem with one seed."""

    search: Search
    submitted: Candidate | None
    visible: bool
    """The submission passes, cold, what was shown."""
    hidden: bool
    """... and what was held back."""
    usage: Usage
    seconds: float
    """Of the search, its requests included; the cold judgement is not counted."""
    note: str = ""


class NotMeasurable(Exception):
    """A problem that no arm can be measured on, for a reason of its own."""


class Tree:
    """A few files; implements Files."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = {path: text.encode() for path, text in files.items()}

    def paths(self) -> Sequence[str]:
        """Paths in order."""
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        """One file."""
        return self._files[path]

    def tar(self) -> bytes:
        """All files as an archive."""
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for path in self.paths():
                member = tarfile.TarInfo(path)
                member.size = len(self._files[path])
                archive.addfile(member, io.BytesIO(self._files[path]))
        return out.getvalue()


class Watched:
    """An endpoint that remembers which requests failed for reasons that are not the arm's."""

    def __init__(self, inner: Endpoint) -> None:
        self.inner = inner
        self.name, self.model, self.seat = inner.name, inner.model, inner.seat
        self.failures: list[EndpointError] = []
        self.usage = Usage()
        self.requests = 0
        """Requests that were answered, from wherever."""
        self.spent = False
        """Whether the cell's allowance has refused a request."""
        self._lock = threading.Lock()

    @property
    def capabilities(self) -> Capabilities:
        """Those of the endpoint inside. Raises EndpointError, which is no fault of an arm's either."""
        try:
            return self.inner.capabilities
        except EndpointError as error:
            # Asked for by a search that goes on without a model: it would pass for an answer.
            with self._lock:
                self.failures.append(error)
            raise

    def send(self, request: Request) -> Answer:
        """One request, sent on."""
        try:
            answer = self.inner.send(request)
        except BudgetSpent:
            self.spent = True
            raise
        except EndpointError as error:
            with self._lock:
                if error.slug not in OWN_FAULT:
                    self.failures.append(error)
            raise
        with self._lock:
            self.usage = self.usage.plus(answer.usage)
            self.requests += 1
        return answer


# ------------------------------------------------------------------------------------------------- observe


def observed(shop: Workshop, problem: Problem, progress: Progress) -> Ground:
    """Runs the visible tests on the problem as it is given, and gathers what a search is told.

    Where the problem has a reference, it must pass both kinds of tests, cold. Raises NotMeasurable with the
    reason, SandboxError when the engine fails.
    """
    language = shop.language
    try:
        function = next(
            (f for f in language.functions(problem.path, problem.module) if f.qualname == problem.function), None
        )
    except Unparsable as error:
        raise NotMeasurable(f"the module cannot be read: {error.message}") from None
    if function is None:
        raise NotMeasurable(f"the module has no function {problem.function}")
    side = side_of(shop, {problem.path: problem.module, VISIBLE: problem.visible}, progress)
    if problem.reference:
        good = cold(shop, problem, side.image, problem.reference, progress)
        if not good[0]:
            raise NotMeasurable("its own solution fails the tests that are shown")
        if not good[1]:
            raise NotMeasurable("its own solution fails the tests that are held back")
    lines = tuple(range(function.def_line, function.end_line + 1))
    changed = ChangedFunction(function, None, lines, "added")
    settings = observe.Settings(seconds=shop.suite_seconds, test_seconds=shop.test_seconds)
    evidence = observe.observe_head(shop.lab, side, (changed,), settings, progress)
    texts = prove.Texts({problem.path: problem.module}, {problem.path: language})
    suspicions = suspect.suspect((changed,), evidence, shop.detectors)
    proven = prove.prove(
        shop.lab, side, texts, suspicions, evidence, seconds=shop.suite_seconds, progress=progress
    )
    if not proven.findings:
        raise NotMeasurable("the tests that are shown do not fail on it as it is given")
    finding = proven.findings[0]
    place = trial.Place(language, problem.module, function, language.unit(problem.module, function))
    return Ground(problem, side, place, changed, evidence, finding, examine.guide_of(finding, evidence))


def side_of(shop: Workshop, files: Mapping[str, str], progress: Progress) -> trial.Side:
    """Files, ready to be run. Raises SandboxError."""
    tree = Tree(files)
    image = shop.lab.backend.prepare(shop.language.recipe(tree, shop.install), tree.tar, progress)
    if image.problem is not None:
        raise SandboxError(f"the image for the problems is incomplete: {image.problem}", slug="install")
    return placed(shop, tree, image)


def placed(shop: Workshop, tree: Tree, image: Image) -> trial.Side:
    """Files on an image that is there."""
    return trial.Side(tree, Contents(tree.tar()), image, shop.language.suite(tree, SuiteWishes()))


# -------------------------------------------------------------------------------------------------- search


def tried(
    shop: Workshop, ground: Ground, arm: Arm, seed: int, placebo: tuple[str, ...], progress: Progress
) -> Tried:
    """One cell: the search, then one submission, judged by what the search has never seen.

    Raises SandboxError when the engine fails, EndpointError when a request failed for another reason than the
    arm's own, even where the search went on without it: such a cell is no answer.
    """
    began = time.monotonic()
    search, usage = searched(shop, ground, arm, seed, placebo, progress)
    seconds = time.monotonic() - began
    submitted = search.candidates[0] if search.candidates else None
    if submitted is None:
        return Tried(search, None, False, False, usage, seconds)
    place = ground.place
    try:
        module = place.module(submitted.source, submitted.imports)
    except Unparsable as error:
        return Tried(search, submitted, False, False, usage, seconds, f"does not fit: {error.message}")
    refused = shop.language.policy(place.function.source, submitted.source, submitted.imports, place.text)
    if refused:
        # As in a review: what reaches for the judge is not run where the judgement is made.
        return Tried(search, submitted, False, False, usage, seconds, f"refused: {refused[0]}")
    visible, hidden = cold(shop, ground.problem, ground.side.image, module, progress)
    return Tried(search, submitted, visible, visible and hidden, usage, seconds)


def searched(
    shop: Workshop, ground: Ground, arm: Arm, seed: int, placebo: tuple[str, ...], progress: Progress
) -> tuple[Search, Usage]:
    """The search of one arm in a warm sandbox of its own, and what it used.

    An arm that may begins anew until something passes what is shown, or its executions, seconds or tokens are used
    up; the last search is returned, with the executions of all.
    """
    watched = Watched(shop.model.open()) if arm.guidance is not None and shop.model is not None else None
    began, executions = time.monotonic(), 0
    guide = ground.guide
    with shop.lab.open(ground.side) as box:
        stage = trial.Stage(shop.lab, box, ground.place, ground.side)
        stage.start((*guide.failing, *guide.passing, *guide.rest))
        for turn in range(MOST_TURNS):
            requests = watched.requests if watched is not None else 0
            # Waiting for answers is no part of a search's seconds: a slow server must not stop one arm earlier.
            waited = watched.usage.seconds if watched is not None else 0.0
            running = max(0.0, time.monotonic() - began - waited)
            settings = replace(
                shop.search,
                seed=seed,
                candidates=shop.search.candidates - executions,
                seconds=max(0.0, shop.search.seconds - running),
            )
            search = propose.search(
                stage,
                ground.function,
                ground.finding,
                guide,
                shop.edits if watched is None else (),
                settings,
                progress,
                writer=writer_of(shop, ground, arm.seeded(seed, turn, placebo), watched),
            )
            executions += search.executions
            if watched is not None and watched.failures:
                raise watched.failures[0]
            if search.stopped == "not-runnable":
                # The same for every arm: it depends on the tests and on the function as it is given.
                raise NotMeasurable(f"no version can be previewed: {'; '.join(search.notes)}")
            over = search.stopped in ("candidates", "seconds") or executions >= shop.search.candidates
            if search.candidates or over or not arm.restarts or watched is None:
                break
            if watched.spent or watched.requests == requests:
                break
    usage = watched.usage if watched is not None else Usage()
    stopped = search.stopped
    if not search.candidates and executions >= shop.search.candidates:
        stopped = "candidates"
    if watched is not None and watched.spent and not search.candidates:
        stopped = "tokens"
    return replace(search, executions=executions, stopped=stopped), usage


def writer_of(
    shop: Workshop, ground: Ground, guidance: Guidance | None, endpoint: Endpoint | None
) -> Writer | None:
    """What asks the model about a problem; None for the arm without one."""
    if guidance is None or endpoint is None or shop.model is None:
        return None
    told = brief.brief_of(
        ground.function,
        shop.language,
        ground.problem.module,
        ground.side.files,
        ground.finding,
        ground.evidence,
        ground.finding.witness.tests,
    )
    return Writer(endpoint, told, guidance, shop.language, shop.model.count)


# --------------------------------------------------------------------------------------------------- judge


def cold(shop: Workshop, problem: Problem, image: Image, module: str, progress: Progress) -> tuple[bool, bool]:
    """(passes what is shown, passes what is held back), each in a fresh container of its own.

    What is held back is in no container that a search has seen. Raises SandboxError when the engine fails.
    """
    progress.tick("the tests that are shown, cold")
    if not passes(shop, image, {problem.path: module, VISIBLE: problem.visible}):
        return False, False
    progress.tick("the tests that are held back, cold")
    return True, passes(shop, image, {problem.path: module, HIDDEN: problem.hidden})


def passes(shop: Workshop, image: Image, files: Mapping[str, str]) -> bool:
    """Whether every test of these files passes, from the start, with the code on disk."""
    side = placed(shop, Tree(files), image)
    with shop.lab.open(side) as box:
        job = trial.suite_job(
            side.plan, shop.lab.limits, seconds=shop.suite_seconds, test_seconds=shop.test_seconds, calls=False
        )
        return green(trial.run_suite(shop.lab, box, job))


def green(run: SuiteRun) -> bool:
    """Whether all that was collected ran and passed; nothing collected is not a pass."""
    ran = [test.id for test in run.tests if test.outcome is Outcome.PASSED]
    complete = sorted(ran) == sorted(run.collected) and len(ran) == len(run.tests)
    return bool(ran) and complete and run.problem is None and run.exit_code == 0

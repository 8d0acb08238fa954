"""A review's own decisions: what the budget lets through, and the one word that it ends in."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from fake_endpoint import FakeEndpoint
from fake_engine import FakeEngine, FakeSandbox
from repositories import Repository
from sample_trials import changed, finding, function, result, run

from bot import wiring
from bot.checks import Check
from bot.config import load
from bot.detectors import Detector
from bot.domain import (
    Category,
    ChangedFunction,
    Conclusion,
    Evidence,
    Found,
    Image,
    Limits,
    Outcome,
    Problem,
    Review,
    Reviewed,
    SuiteRun,
    Suspicion,
    Target,
    Usage,
)
from bot.draft import Draft, Ground
from bot.endpoints import Model, Proposer
from bot.endpoints.metered import Allowance, Ledger, Need
from bot.errors import EndpointError, SandboxError
from bot.languages import Language
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.render import markdown
from bot.review import awake, over_budget, review, within_budget
from bot.sandboxes import Contents
from bot.workspace import Workspace

CODE = "LIMIT = 1\n\n\ndef total(x):\n    return x * LIMIT\n"
GREEN, RED = ("passed", ""), ("failed", "AssertionError: assert 2 == 1")


@dataclass
class Scene:
    """A repository with a change, and the parts of a review with an engine by hand."""

    workspace: Workspace
    parts: wiring.Parts
    engine: FakeEngine
    settings: Mapping[str, str] = field(default_factory=dict)

    def draft(self, *, functions: bool = True) -> Draft:
        """A review that has only begun."""
        change = self.workspace.change("main", "topic")
        base, head = self.workspace.tree(change.base), self.workspace.tree(change.head)
        config = load(None, environ=self.settings, flags={})
        ground = Ground(change, base, head, config, self.parts, time.monotonic())
        where = changed(function(path="shop.py", start=4, end=5), (5,))
        return Draft(ground, self.engine.lab(), Found((where,) if functions else (), ()))


def scene_of(path: Path, engine: FakeEngine, head: str = CODE.replace("x * LIMIT", "LIMIT * x")) -> Scene:
    repository = Repository(path)
    repository.commit({"shop.py": CODE, "README.md": "A shop.\n"})
    repository.git("switch", "--quiet", "--create", "topic")
    repository.commit({"shop.py": head})
    workspace = Workspace.open(path, environ={})
    languages: tuple[Language, ...] = (Python(),)
    proposers: tuple[Proposer, ...] = ()
    detectors: tuple[Detector, ...] = ()
    checks: tuple[Check, ...] = ()
    return Scene(workspace, wiring.Parts(engine, languages, proposers, detectors, checks), engine)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return scene_of(tmp_path / "repo", FakeEngine(lambda _tree, _spec: {"t.py::a": GREEN}))


def seen(base: SuiteRun, head: SuiteRun, *confirmed: str) -> Evidence:
    covered = {test.id: {"shop.py": (5,)} for test in head.tests}
    ran = SuiteRun(head.collected, head.tests, head.exit_code, 0.1, covered, problem=head.problem)
    return Evidence(base, ran, confirmed=frozenset(confirmed))


BAD = Outcome.FAILED
ONE = {"TRYLINE_BUDGET_FUNCTIONS": "1"}


def test_the_budget_keeps_the_functions_that_changed_most_and_lists_the_rest() -> None:
    small, large, middle = (
        changed(function(name, start), tuple(range(start, start + count)))
        for name, start, count in (("small", 10, 1), ("large", 20, 5), ("middle", 30, 3))
    )
    config = load(None, environ={"TRYLINE_BUDGET_FUNCTIONS": "2"}, flags={})
    kept = within_budget(Found((small, large, middle), ()), config)
    assert kept.functions == (large, middle)
    (row,) = kept.not_reviewed
    assert (row.symbol, row.slug, row.lines) == ("small", "over-budget", (10,))
    everything = Found((small, large), ())
    assert within_budget(everything, config) is everything
    # What an earlier review left as it is costs little: it takes nobody's place.
    assert within_budget(Found((small, large, middle), ()), config, frozenset({large.id})).not_reviewed == ()
    kept = within_budget(
        Found((small, large, middle), ()), load(None, environ=ONE, flags={}), frozenset({large.id})
    )
    assert kept.functions == (large, middle)


def test_the_time_and_the_executions_of_a_review_are_limited(scene: Scene) -> None:
    draft = scene.draft()
    assert over_budget(draft.ground, draft.lab) == ""
    draft.lab.count(draft.ground.config.budget.executions)
    assert "budget.executions" in over_budget(draft.ground, draft.lab)
    late = Ground(**{**vars(draft.ground), "began": time.monotonic() - 10_000})
    assert "budget.seconds" in over_budget(late, draft.lab)


def test_a_run_without_anything_red_is_clean(scene: Scene) -> None:
    draft = scene.draft()
    draft.evidence = seen(run(result("a")), run(result("a")))
    assert draft.finish().conclusion is Conclusion.CLEAN


@pytest.mark.parametrize(
    ("evidence", "slug"),
    [
        (seen(run(result("a")), run(result("a", BAD)), "a"), "unexplained"),
        (seen(run(result("a", BAD)), run(result("a", BAD))), "all-red"),
        (seen(run(result("a")), SuiteRun((), (), 1, 0.1, problem=Problem("no-tests", "none"))), "no-tests"),
        (Evidence(run(result("a")), run(result("a"))), "not-executed"),
        (None, "not-run"),
    ],
    ids=["unexplained", "all-red", "no-tests", "not-executed", "not-run"],
)
def test_what_could_not_be_shown_is_never_clean(scene: Scene, evidence: Evidence | None, slug: str) -> None:
    draft = scene.draft()
    draft.evidence = evidence
    told = draft.finish()
    assert told.conclusion is Conclusion.NEUTRAL
    assert slug in [problem.slug for problem in told.problems]


def test_a_broken_test_that_a_finding_names_is_explained(scene: Scene) -> None:
    draft = scene.draft()
    good = result("b")
    draft.evidence = seen(run(result("a"), good), run(result("a", BAD), good), "a")
    draft.reviewed.append(Reviewed(finding("a"), None, None))
    told = draft.finish()
    assert (told.conclusion, told.problems) == (Conclusion.FINDINGS, ())


def test_what_is_ignored_explains_its_tests_and_does_not_count(scene: Scene) -> None:
    draft = scene.draft()
    draft.evidence = seen(run(result("a")), run(result("a", BAD)), "a")
    draft.reviewed.append(Reviewed(finding("a"), None, None, ignored=True))
    told = draft.finish()
    assert (told.conclusion, told.problems) == (Conclusion.CLEAN, ())
    assert len(told.findings) == 1
    draft.reviewed.append(Reviewed(finding("b"), None, None))
    assert draft.conclusion() is Conclusion.FINDINGS


STOPPED = SuiteRun(("a",), (result("a"),), None, 0.1, problem=Problem("timeout", "stopped"))
EMPTY = SuiteRun((), (), 5, 0.1, problem=Problem("no-tests", "none"))


@pytest.mark.parametrize(
    ("base", "head", "whole"),
    [
        (run(result("a")), run(result("a")), True),
        (EMPTY, run(result("a")), True),
        (STOPPED, run(result("a")), False),
        (run(result("a")), STOPPED, False),
        (run(result("a")), EMPTY, False),
        (None, None, False),
    ],
    ids=["both", "new-tests", "base-stopped", "head-stopped", "head-empty", "none"],
)
def test_a_function_is_reviewed_as_a_whole_where_all_ran_that_can(
    scene: Scene, base: SuiteRun | None, head: SuiteRun | None, whole: bool
) -> None:
    draft = scene.draft()
    draft.evidence = seen(base, head) if base is not None and head is not None else None
    assert [row.whole for row in draft.finish().functions] == [whole]


def test_what_remains_to_be_done_is_remembered(scene: Scene) -> None:
    draft = scene.draft()
    draft.evidence = seen(run(result("a")), run(result("a")))
    draft.unfinished.add(draft.found.functions[0].id)
    assert [row.whole for row in draft.finish().functions] == [False]
    draft.unfinished.clear()
    draft.problems.append(Problem("install", "head: a dependency is missing"))
    assert [row.whole for row in draft.finish().functions] == [False]


class Accusing:
    """A detector that holds every function to account for one test."""

    name = "accusing"

    def suspect(self, functions: tuple[ChangedFunction, ...], evidence: Evidence) -> tuple[Suspicion, ...]:
        return tuple(Suspicion("tests/regression", Category.CORRECTNESS, f, "m", ("t.py::a",)) for f in functions)


def test_an_engine_that_breaks_on_the_way_leaves_everything_to_be_reviewed(tmp_path: Path) -> None:
    def answer(tree: str, spec: Mapping[str, object]) -> dict[str, tuple[str, str]]:
        if spec["replace"]:
            raise SandboxError("the engine is gone", slug="engine")
        return {"t.py::a": RED if "LIMIT * x" in tree else GREEN}

    broken = scene_of(tmp_path / "repo", FakeEngine(answer))
    config = load(None, environ={}, flags={})
    target = Target("github", "ada/shop", 7, "c" * 40)
    parts = replace(broken.parts, detectors=(Accusing(),))
    told = review(parts, broken.workspace, config, Silent(), base="main", head="topic", only=None, target=target)
    assert told.target == target
    assert "engine" in [problem.slug for problem in told.problems]
    assert (told.conclusion, [row.whole for row in told.functions]) == (Conclusion.NEUTRAL, [False])
    assert told.suite["head"] == {"failed": 1}, "that came after the tests"


class Counting(FakeEngine):
    """An engine that knows how often it was told that nothing more is wanted, and that may be interrupted."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("end", [None, SandboxError("gone", slug="engine"), KeyboardInterrupt()], ids=repr)
def test_what_waits_in_the_engine_ends_with_the_review_however_that_ends(
    tmp_path: Path, end: BaseException | None
) -> None:
    def answer(_tree: str, _spec: Mapping[str, object]) -> dict[str, tuple[str, str]]:
        if end is not None:
            raise end
        return {"t.py::a": GREEN}

    engine = Counting(answer)
    here = scene_of(tmp_path / "repo", engine)
    expected = pytest.raises(KeyboardInterrupt) if isinstance(end, KeyboardInterrupt) else nullcontext()
    with expected:
        review(
            here.parts,
            here.workspace,
            load(None, environ={}, flags={}),
            Silent(),
            base="main",
            head="topic",
            only=None,
        )
    assert engine.containers > 0 and engine.closed == 1


class Failing(FakeEngine):
    """An engine that is gone once a function was put back and healed its test."""

    def open(self, image: Image, tree: Contents, limits: Limits) -> AbstractContextManager[FakeSandbox]:
        if any(spec["replace"] for _, spec in self.jobs):
            raise SandboxError("the engine is gone", slug="engine")
        return super().open(image, tree, limits)


def heals(tree: str, spec: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    return {"t.py::a": RED if "LIMIT * x" in tree and not spec["replace"] else GREEN}


def test_what_was_proven_before_the_engine_died_is_told_and_was_kept(tmp_path: Path) -> None:
    broken = scene_of(tmp_path / "repo", Failing(heals))
    config = load(None, environ={}, flags={})
    parts = replace(broken.parts, detectors=(Accusing(),))
    kept: list[Review] = []
    told = review(
        parts, broken.workspace, config, Silent(), base="main", head="topic", only=None, keep=kept.append
    )
    assert told.conclusion is Conclusion.FINDINGS
    (item,) = told.findings
    assert item.finding.witness.tests == ("t.py::a",) and item.rewrite is None and item.why_no_rewrite
    assert [row.whole for row in told.functions] == [False]
    first = kept[0]
    assert first.id == told.id, "the same result, to be replaced by the whole one"
    assert [row.finding.id for row in first.findings] == [item.finding.id]
    assert [problem.slug for problem in first.problems] == ["interrupted"]
    assert "interrupted" not in [problem.slug for problem in told.problems]


def test_a_review_that_cannot_be_kept_on_the_way_goes_on(tmp_path: Path) -> None:
    asked: list[str] = []

    def full(part: Review) -> None:
        asked.append(part.id)
        raise OSError(28, "No space left on device")

    broken = scene_of(tmp_path / "repo", Failing(heals))
    config = load(None, environ={}, flags={})
    parts = replace(broken.parts, detectors=(Accusing(),))
    told = review(parts, broken.workspace, config, Silent(), base="main", head="topic", only=None, keep=full)
    assert told.conclusion is Conclusion.FINDINGS and len(asked) == 1


def test_what_both_sides_share_is_said_once(scene: Scene) -> None:
    draft = scene.draft()
    lost = SuiteRun((), (), 4, 0.1, problem=Problem("no-report", "the runner ended", "log"))
    draft.evidence = seen(lost, lost)
    assert [problem.message for problem in draft.finish().problems] == ["base and head: the runner ended"]


@pytest.mark.parametrize(("requests", "from_cache", "tier"), [(1, 0, "A"), (0, 1, "A"), (0, 0, "E")])
def test_the_tier_is_that_of_a_model_that_was_asked_also_where_nothing_is_rewritten(
    scene: Scene, requests: int, from_cache: int, tier: str
) -> None:
    ledger = Ledger()
    model = Model(FakeEndpoint(), ledger)
    draft = scene.draft()
    draft.ground = replace(draft.ground, parts=replace(draft.ground.parts, model=model))
    draft.evidence = seen(run(result("a")), run(result("a")))
    assert awake(model, draft, Silent()) is model
    need = Need(Usage(requests=1))
    ticket, _ = ledger.reserve(need, Allowance())
    ledger.settle(ticket, Usage(requests=requests, from_cache=from_cache))
    told = draft.finish()
    assert (told.conclusion, told.environment["tier"]) == (Conclusion.CLEAN, tier)
    assert ("model tiny" in markdown(told)) == (tier == "A")


def test_a_dead_model_costs_its_own_work_and_never_the_verdict(scene: Scene) -> None:
    error = EndpointError("nobody answers", hint="Start it.", slug="endpoint-unreachable", dead=True)
    model = Model(FakeEndpoint(able=error), Ledger())
    draft = scene.draft()
    draft.evidence = seen(run(result("a")), run(result("a")))
    assert awake(model, draft, Silent()) is None
    told = draft.finish()
    assert (told.conclusion, told.environment["tier"], told.problems) == (Conclusion.CLEAN, "E", ())
    assert told.notes == ("The model was not asked: nobody answers. Start it. Built-in edits only (tier E).",)


def test_a_change_of_a_constant_alone_is_run_and_what_it_breaks_is_said(tmp_path: Path) -> None:
    def answer(tree: str, _spec: Mapping[str, object]) -> dict[str, tuple[str, str]]:
        return {"t.py::a": RED if "LIMIT = 2" in tree else GREEN, "t.py::b": GREEN}

    engine = FakeEngine(answer)
    broken = scene_of(tmp_path / "repo", engine, CODE.replace("LIMIT = 1", "LIMIT = 2"))
    config = load(None, environ={}, flags={})
    told = review(broken.parts, broken.workspace, config, Silent(), base="main", head="topic", only=None)
    assert told.conclusion is Conclusion.NEUTRAL
    (problem,) = told.problems
    assert problem.slug == "unexplained"
    assert problem.message == "t.py::a passes at base and fails at head, by no reviewed function alone"
    harmless = scene_of(tmp_path / "other", engine, CODE.replace("LIMIT = 1", "LIMIT = 3 - 2"))
    told = review(harmless.parts, harmless.workspace, config, Silent(), base="main", head="topic", only=None)
    assert (told.conclusion, told.problems) == (Conclusion.NOTHING, ())


def test_a_change_outside_of_code_starts_nothing(tmp_path: Path) -> None:
    engine = FakeEngine(lambda _tree, _spec: {})
    scene = scene_of(tmp_path / "repo", engine)
    Repository(tmp_path / "repo").commit({"README.md": "A better shop.\n"})
    config = load(None, environ={}, flags={})
    told = review(scene.parts, scene.workspace, config, Silent(), base="topic~1", head="topic", only=None)
    assert told.conclusion is Conclusion.NOTHING
    assert engine.containers == 0

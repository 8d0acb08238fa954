"""The journey of an audit with tasks done by hand: whose turn comes, what stands, what is told."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sample_reviews as samples
from fake_engine import IMAGE
from repositories import Repository

from bot import audit as journey
from bot import audit_task, wiring
from bot.audit_state import State
from bot.audited import Attention, Audit, Standing
from bot.config import Config, Given, load
from bot.domain import (
    Change,
    Conclusion,
    Costs,
    Finding,
    FunctionReport,
    Image,
    Limits,
    Recipe,
    Review,
    Reviewed,
    Witness,
)
from bot.errors import SandboxError, UsageError
from bot.executors import Ask, Done, Task, Work
from bot.languages.python.language import Python
from bot.progress import Progress, Silent
from bot.sandboxes import Contents, Diagnosis, Job, Reply
from bot.steps.find import whole
from bot.workspace import Packed, Workspace

pytestmark = pytest.mark.thorough

CART = """\
LEAST = 10


def price(quantity, each):
    return quantity * each


def total(lines):
    return sum(price(quantity, each) for quantity, each in lines)


def shown(amount):
    return f"{amount:.2f}"


def alone(x):
    if x and not x > 3:
        return 1
    return x
"""
TESTS = """\
def test_total():
    assert total([(1, 2)]) == 2


def test_shown():
    assert shown(1) == "1.00"
"""
SHOP: dict[str, str | bytes | None] = {"shop.py": CART, "tests/test_shop.py": TESTS, "tests/conftest.py": ""}
RUNS = {"test_total": ("price", "total"), "test_shown": ("shown",)}
"""Test -> functions that it executes."""


@dataclass
class Engine:
    """Containers in which the suite runs as `RUNS` says: a backend by hand."""

    red: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Test that fails -> functions of its traceback, innermost last."""
    broken: bool = False
    stopped: bool = False
    """Whether the suite is stopped by the clock."""
    name: str = "by hand"
    containers: int = 0
    runs: int = 0

    def diagnose(self) -> tuple[Diagnosis, ...]:
        return ()

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        return IMAGE

    @contextmanager
    def open(self, image: Image, tree: Contents, limits: Limits) -> Iterator[Engine]:
        if self.broken:
            raise SandboxError("the engine does not answer", hint="start it", slug="engine")
        self.containers += 1
        self.lines = {f.qualname: (f.body_line, f.def_line) for f in functions_of(tree.tar)}
        yield self

    def ask(self, job: Job, *, seconds: float) -> Reply:
        self.runs += 1
        wanted = job["spec"]["select"]
        events: list[dict[str, Any]] = []
        for name, executed in RUNS.items():
            test = f"tests/test_shop.py::{name}"
            if wanted is not None and test not in wanted:
                continue
            red = name in self.red
            frames = [["shop.py", self.lines[f][0], f] for f in self.red.get(name, ())]
            lines = [self.lines[function][0] for function in executed if function in self.lines]
            events += [
                {"event": "start", "id": test},
                {
                    "event": "end",
                    "id": test,
                    "outcome": "failed" if red else "passed",
                    "seconds": 0.01,
                    "message": "assert 1 == 2" if red else "",
                    "exception": "AssertionError" if red else "",
                    "frames": [["tests/test_shop.py", 2, name], *frames] if red else [],
                    "lines": {"shop.py": lines},
                    "calls": [],
                },
            ]
        code = int(bool(self.red))
        ids = [event["id"] for event in events if event["event"] == "start"]
        told = [{"event": "collected", "ids": ids}, *events, {"event": "finish", "code": code}]
        stop = {"stop": "timeout"} if self.stopped else {}
        return {
            "events": [json.dumps(event) for event in told],
            "code": code,
            "seconds": 0.1,
            "output": "",
            **stop,
        }

    def ask_many(self, jobs: Sequence[Job], *, seconds: float) -> Iterator[tuple[int, Reply]]:
        yield from ((number, self.ask(job, seconds=seconds)) for number, job in enumerate(jobs))

    def describe(self) -> Mapping[str, str]:
        return {"engine": "by hand"}

    def clean(self) -> int:
        return 0

    def close(self) -> None:
        pass


def functions_of(tar: bytes) -> list[Any]:
    """The functions of shop.py in a tree."""
    tree, python = Packed(tar), Python()
    return list(python.functions("shop.py", python.decode(tree.read("shop.py"))))


@dataclass
class Hands:
    """Does tasks by hand: finds what it is told to find."""

    wrong: set[str] = field(default_factory=set)
    fails: set[str] = field(default_factory=set)
    half: set[str] = field(default_factory=set)
    """Functions of which not all is done."""
    costs: int = 1
    parts: list[audit_task.Part] = field(default_factory=list)
    name: str = "by hand"
    width: int = 1
    notes: tuple[str, ...] = ("a worker was left out",)

    def results(self, work: Work, shared: bytes, tasks: Sequence[Task], answer: Ask) -> Iterator[Done]:
        given = audit_task.read_shared(shared)
        for task in tasks:
            part = audit_task.read_part(task.payload)
            self.parts.append(part)
            names = {name.partition("::")[2] for name in part.functions}
            if names & self.fails:
                yield Done(task, problem="the worker was lost twice", worker="w")
            else:
                yield Done(task, samples_json(self, given, names), worker="w")

    def close(self) -> None:
        pass


def samples_json(hands: Hands, shared: audit_task.Shared, names: set[str]) -> bytes:
    """The JSON of a review of these functions."""
    changed = [whole(f) for f in functions_of(shared.tree) if f.qualname in names]
    findings = tuple(
        Reviewed(
            Finding(
                "tests/failing",
                samples.FINDING.category,
                samples.FINDING.severity,
                function,
                function.head.start_line,
                function.head.end_line,
                "wrong",
                "it is wrong",
                Witness("test", ("tests/test_shop.py::test_total",), "pytest", "assert"),
                {function.head.end_line: 1.0},
            ),
            None,
            None,
            why_no_rewrite="none",
        )
        for function in changed
        if function.head.qualname in hands.wrong
    )
    made = replace(
        samples.CLEAN,
        change=Change(shared.revision, shared.revision, ()),
        conclusion=Conclusion.FINDINGS if findings else Conclusion.CLEAN,
        findings=findings,
        functions=tuple(
            FunctionReport(f, 1, 2, (f.head.end_line,), whole=f.head.qualname not in hands.half) for f in changed
        ),
        costs=Costs(executions=hands.costs, seconds=1.0),
    )
    return str.encode(journey_dumps(made))


def journey_dumps(review: Review) -> str:
    """As tasks write it."""
    return audit_task.dumps(review)


class Weeks:
    """A repository that is audited week after week."""

    def __init__(self, folder: Path) -> None:
        self.repo = Repository(folder / "project")
        self.engine = Engine()
        self.folder = folder
        self.now = datetime.datetime(2026, 1, 5, tzinfo=datetime.UTC)
        self.repo.commit(SHOP)

    def audit(self, hands: Hands, **more: Any) -> Audit:
        """One audit, a week after the last."""
        self.now += datetime.timedelta(days=7)
        settings: dict[str, Any] = more.pop("settings", {})
        config: Config = load(None, environ={}, flags={name: Given(v, "test") for name, v in settings.items()})
        parts = replace(wiring.assemble(config, {}), backend=self.engine)
        with Workspace.open(self.repo.path) as workspace, State.open(self.folder / "state") as state:
            return journey.audit(
                parts,
                workspace,
                config,
                more.pop("progress", Silent()),
                hands,
                state,
                clock=lambda: self.now,
                **more,
            )


@pytest.fixture
def weeks(tmp_path: Path) -> Weeks:
    return Weeks(tmp_path)


def who(audit: Audit, attention: Attention = Attention.AUDITED) -> set[str]:
    return {row.function.qualname for row in audit.functions if row.attention is attention}


EVERYBODY = {"price", "total", "shown", "alone"}


def test_the_second_audit_of_a_tree_runs_nothing(weeks: Weeks) -> None:
    first = weeks.audit(Hands({"shown"}))
    assert who(first) == EVERYBODY
    assert first.complete
    assert [(row.item.finding.function.head.qualname, row.standing) for row in first.findings] == [
        ("shown", Standing.NEW)
    ]
    assert first.review.notes == (
        "Looked for: tests that fail, crashes on inputs that reach lines no test runs, payloads that reach their "
        "target, time that can be saved, what analysers suspect; no model was asked.",
        "The suite was run in 0.1 s; it executes 3 functions.",
        "a worker was left out",
    )
    unexecuted = {r.function.head.qualname: r.unexecuted_lines for r in first.review.functions}
    assert unexecuted == {"price": (), "total": (), "shown": (), "alone": (17, 18, 19)}
    runs, hands = weeks.engine.runs, Hands()
    second = weeks.audit(hands)
    assert (weeks.engine.runs, hands.parts) == (runs, [])
    assert who(second, Attention.UNCHANGED) == EVERYBODY
    assert [(row.standing, row.since) for row in second.findings] == [(Standing.STILL, first.when)]
    assert second.previous == first.when
    assert second.review.costs.executions == 0
    assert {row.function.qualname: row.tests for row in second.functions} == {
        "price": 1,
        "total": 1,
        "shown": 1,
        "alone": 0,
    }


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"shop.py": CART.replace("return quantity * each", "return each * quantity")}, {"price", "total"}),
        ({"shop.py": CART.replace("x > 3", "x > 4")}, {"alone"}),
        ({"shop.py": "\n\n" + CART}, set()),
        ({"shop.py": CART.replace("LEAST = 10", "LEAST = 11")}, EVERYBODY),
        ({"tests/test_shop.py": TESTS.replace("shown(1)", "shown(1.0)")}, {"shown"}),
        ({"tests/test_shop.py": "import os\n" + TESTS}, {"price", "total", "shown"}),
        ({"tests/conftest.py": "import os\n"}, {"price", "total", "shown"}),
        ({"tests/data.json": "{}"}, {"price", "total", "shown"}),
        ({"README.md": "a shop"}, set()),
    ],
)
def test_what_is_run_again_is_what_depends_on_a_change(
    weeks: Weeks, files: dict[str, str | bytes | None], expected: set[str]
) -> None:
    weeks.audit(Hands())
    weeks.repo.commit(files)
    assert who(weeks.audit(Hands())) == expected


def test_a_setting_that_matters_runs_all_again_and_another_nothing(weeks: Weeks) -> None:
    weeks.audit(Hands())
    assert who(weeks.audit(Hands(), settings={"audit.seconds": 100.0, "comments.max_inline": 1})) == set()
    assert who(weeks.audit(Hands(), settings={"search.seed": 5})) == EVERYBODY


def test_everything_is_run_again_when_asked_for(weeks: Weeks) -> None:
    weeks.audit(Hands())
    assert who(weeks.audit(Hands(), everything=True)) == EVERYBODY


def test_a_finding_is_looked_at_again_when_its_file_changes_and_is_told_once_when_fixed(weeks: Weeks) -> None:
    first = weeks.audit(Hands({"alone"}))
    weeks.repo.commit({"shop.py": CART.replace("return quantity * each", "return each * quantity")})
    second = weeks.audit(Hands({"alone"}))
    assert who(second) == {"price", "total", "alone"}
    assert [(row.standing, row.since) for row in second.findings] == [(Standing.STILL, first.when)]
    weeks.repo.commit({"shop.py": CART})
    third = weeks.audit(Hands())
    assert [(row.function, row.since, row.fixed) for row in third.fixed] == [
        ("shop.py::alone", first.when, third.when)
    ]
    assert third.review.conclusion is Conclusion.CLEAN
    assert weeks.audit(Hands()).fixed == ()


def test_a_function_that_is_gone_takes_its_finding_along(weeks: Weeks) -> None:
    weeks.audit(Hands({"alone"}))
    weeks.repo.commit({"shop.py": CART.partition("\n\ndef alone")[0] + "\n"})
    audit = weeks.audit(Hands())
    assert [row.function for row in audit.fixed] == ["shop.py::alone"]
    assert audit.findings == ()


def test_over_budget_is_listed_and_comes_first(weeks: Weeks) -> None:
    first = weeks.audit(Hands(), settings={"audit.functions": 3})
    (left,) = who(first, Attention.OVER_BUDGET)
    assert not first.complete
    assert first.review.conclusion is Conclusion.NEUTRAL
    weeks.repo.commit({"shop.py": CART.replace("LEAST = 10", "LEAST = 11")})
    second = weeks.audit(Hands(), settings={"audit.functions": 1})
    assert who(second) == {left}
    assert len(who(second, Attention.OVER_BUDGET)) == 3
    third = weeks.audit(Hands())
    assert who(third) == EVERYBODY - {left}


def test_a_stale_finding_of_who_waits_is_shown_where_its_function_is_now(weeks: Weeks) -> None:
    weeks.audit(Hands({"shown"}))
    weeks.repo.commit({"shop.py": "import os\n\n" + CART})
    second = weeks.audit(Hands(), settings={"audit.functions": 1})
    assert who(second) == {"alone"}
    (row,) = second.findings
    assert row.item.finding.function.head.start_line == row.item.finding.start_line == 14
    assert "has not come" in row.item.why_no_rewrite


def test_executions_over_budget_end_it(weeks: Weeks) -> None:
    weeks.repo.commit({f"part{n}.py": f"def part{n}():\n    return {n}\n" for n in range(4)})

    class Costly(Hands):
        def results(self, work: Work, shared: bytes, tasks: Sequence[Task], answer: Ask) -> Iterator[Done]:
            for done in super().results(work, shared, tasks, answer):
                yield replace(done, problem="x") if b"shop" not in done.result else done

    audit = weeks.audit(Costly(costs=50), settings={"audit.executions": 40})
    assert who(audit, Attention.OVER_BUDGET) | who(audit, Attention.FAILED)
    assert who(audit) == EVERYBODY


def test_a_task_that_failed_is_told_and_tried_again_next_time(weeks: Weeks) -> None:
    first = weeks.audit(Hands(fails={"alone"}))
    assert who(first, Attention.FAILED) == EVERYBODY, "they shared a task"
    assert [problem.slug for problem in first.review.problems] == ["not-audited"]
    assert "and 3 more: the worker was lost twice" in first.review.problems[0].message
    assert first.review.conclusion is Conclusion.NEUTRAL
    runs = weeks.engine.runs
    assert who(weeks.audit(Hands())) == EVERYBODY
    assert weeks.engine.runs == runs, "what the suite showed on this tree is at hand"


def test_what_is_half_done_is_done_again(weeks: Weeks) -> None:
    first = weeks.audit(Hands(half={"alone"}))
    (row,) = (row for row in first.functions if row.function.qualname == "alone")
    assert row.why == "not all was done about it within its time"
    assert who(weeks.audit(Hands())) == {"alone"}


def test_a_result_that_is_none_fails_its_task(weeks: Weeks) -> None:
    class Liar(Hands):
        def results(self, work: Work, shared: bytes, tasks: Sequence[Task], answer: Ask) -> Iterator[Done]:
            for done in super().results(work, shared, tasks, answer):
                yield replace(done, result=b'{"schema": "tryline/result/1.0"}')

    audit = weeks.audit(Liar())
    assert who(audit, Attention.FAILED) == EVERYBODY
    assert "cannot be read" in audit.functions[0].why


def test_a_failing_test_is_told_by_one_function_in_a_task_of_its_own(weeks: Weeks) -> None:
    weeks.engine.red = {"test_total": ("total", "price")}
    hands = Hands({"price"})
    audit = weeks.audit(hands)
    blamed = [part for part in hands.parts if part.blamed]
    assert [(part.functions, [test.id for test in part.blamed]) for part in blamed] == [
        (("shop.py::price",), ["tests/test_shop.py::test_total"])
    ]
    assert sum(len(part.functions) for part in hands.parts) == 4
    assert [row.item.finding.function.head.qualname for row in audit.findings] == ["price"]


def test_a_broken_engine_costs_the_audit_and_no_earlier_result(weeks: Weeks) -> None:
    first = weeks.audit(Hands({"alone"}))
    weeks.repo.commit({"shop.py": CART + "\n\ndef more():\n    return 1\n"})
    weeks.engine.broken = True
    second = weeks.audit(Hands())
    assert who(second, Attention.FAILED) == {*EVERYBODY, "more"}
    assert [problem.slug for problem in second.review.problems] == ["engine"]
    assert [(row.standing, row.since) for row in second.findings] == [(Standing.STILL, first.when)]
    weeks.engine.broken = False
    assert who(weeks.audit(Hands())) == {"alone", "more"}


def test_a_suite_that_was_stopped_is_told_and_run_again(weeks: Weeks) -> None:
    weeks.engine.stopped = True
    first = weeks.audit(Hands())
    assert [problem.slug for problem in first.review.problems] == ["timeout"]
    assert first.review.conclusion is Conclusion.NEUTRAL
    weeks.engine.stopped = False
    runs = weeks.engine.runs
    second = weeks.audit(Hands())
    assert weeks.engine.runs == runs + 1
    assert second.review.conclusion is Conclusion.CLEAN


def test_a_part_of_the_tree_leaves_the_rest_alone(weeks: Weeks) -> None:
    weeks.repo.commit({"other/one.py": "def one():\n    return 1\n", "other/two.py": "def two():\n    return 2\n"})
    weeks.audit(Hands({"alone"}), paths=("shop.py",))
    weeks.repo.commit({"other/one.py": "def uno():\n    return 1\n"})
    part = weeks.audit(Hands({"alone"}), paths=("shop.py",))
    assert {row.function.qualname for row in part.functions} == EVERYBODY
    assert part.paths == ("shop.py",)
    with pytest.raises(UsageError) as caught:
        weeks.audit(Hands(), paths=("shops.py",))
    assert (caught.value.slug, "shop.py" in caught.value.hint) == ("no-such-file", True)


def test_a_shallow_clone_says_so(weeks: Weeks, tmp_path: Path) -> None:
    class Notes(Silent):
        def __init__(self) -> None:
            self.said: list[str] = []

        def note(self, text: str) -> None:
            self.said.append(text)

    for number in range(3):
        weeks.repo.commit({"README.md": str(number)})
    notes = Notes()
    audit = weeks.audit(Hands(), progress=notes)
    assert not [text for text in notes.said if "shallow" in text]
    assert {row.risk.measures["commits"] for row in audit.functions} == {1.0}
    clone = tmp_path / "clone"
    weeks.repo.git("clone", "--quiet", "--depth", "1", f"file://{weeks.repo.path}", str(clone))
    weeks.repo = Repository(clone)
    weeks.audit(Hands(), progress=notes)
    assert "this clone is shallow and holds 1 commit: what changes often is not fully known" in notes.said

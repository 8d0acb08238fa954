"""Verifying: what is run cold, and how the proven file becomes hunks that a forge can apply."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from fake_engine import FakeEngine, FakeSandbox, side
from sample_trials import finding, result, run

from bot import trial
from bot.checks import Trialled
from bot.domain import Candidate, Evidence, Image, Judgement, Limits, Outcome, Replacement, Rewrite, SuiteRun
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents, Job, Reply
from bot.steps.verify import (
    CONTROLLED,
    Case,
    Settings,
    chosen,
    cut,
    hunks,
    matrix,
    obstacle_to,
    under_control,
    verify,
)

TEXT = "import os\n\n\ndef f(a, b):\n    x = a\n    y = b\n    z = x + y\n    return z\n\n\ndef g():\n    return 1"
LANGUAGE = Python()


def place(text: str = TEXT, name: str = "f") -> trial.Place:
    target = next(f for f in LANGUAGE.functions("m.py", text) if f.qualname == name)
    return trial.Place(LANGUAGE, text, target, LANGUAGE.unit(text, target))


def case(head: SuiteRun, *witness: str, executing: tuple[str, ...] = ()) -> Case:
    base = run(*(result(test.id) for test in head.tests))
    return Case(side("head"), place(), Evidence(base, head), finding(*witness), executing)


def applied(text: str, *changes: Replacement) -> str:
    lines = text.split("\n")
    for change in sorted(changes, key=lambda c: -c.start_line):
        lines[change.start_line - 1 : change.end_line] = change.replacement.split("\n")[:-1]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    x = a\n", "    x = -a\n"),
        ("    z = x + y\n", "    z = x\n    z += y\n"),
        ("    y = b\n", ""),
        ("    x = a\n    y = b\n    z = x + y\n", "    x = -a\n    y = b\n    z = x - y\n"),
    ],
    ids=["one-line", "more-lines", "fewer-lines", "apart"],
)
def test_hunks_make_the_proven_file_of_the_head_file(old: str, new: str) -> None:
    module = TEXT.replace(old, new)
    own, also = hunks(place(), module)
    assert also == ()
    assert own.start_line >= 4 and own.end_line <= 8
    assert applied(TEXT, own) == module


def test_an_import_is_a_hunk_of_its_own() -> None:
    module = place().module(place().function.source.replace("x = a", "x = math.floor(a)"), ("import math",))
    own, also = hunks(place(), module)
    assert applied(TEXT, own, *also) == module
    assert [hunk.replacement for hunk in also if "import math" in hunk.replacement]
    assert "math.floor" in own.replacement


IMPORTS = (Replacement("m.py", 1, 1, "import os\nimport math\n"),)


@pytest.mark.parametrize(
    ("text", "lines", "also", "expected"),
    [
        ("a\nb\nc\n", (2, 2), (), ""),
        ("a\nb\nc\n", (3, 3), (), ""),
        ("a\nb\nc", (2, 2), (), ""),
        ("a\nb\nc", (3, 3), (), "no-final-newline"),
        ("a\nb\nc", (1, 3), (), "no-final-newline"),
        ("", (1, 0), (), ""),
        ("a\r\nb\r\n", (1, 1), (), "line-ends"),
        ("a\nb\r\n", (1, 1), (), "line-ends"),
        ("a\rb\n", (1, 1), (), "line-ends"),
        ("a\r\nb", (2, 2), (), "line-ends"),
        ("a\nb\n", (2, 2), IMPORTS, "further-hunks"),
        ("a\r\nb", (2, 2), IMPORTS, "further-hunks"),
    ],
)
def test_what_no_platform_can_apply_says_why(
    text: str, lines: tuple[int, int], also: tuple[Replacement, ...], expected: str
) -> None:
    assert obstacle_to(text, Replacement("m.py", *lines, "x\n"), also) == expected


def test_the_obstacle_of_a_real_rewrite() -> None:
    for name, old, new, expected in (
        ("f", "x = a", "x = -a", ""),
        ("g", "return 1", "return 2", "no-final-newline"),
    ):
        own, also = hunks(place(name=name), TEXT.replace(old, new))
        assert obstacle_to(TEXT, own, also) == expected


class Content:
    """A check that has nothing to say."""

    name = "content"

    def judge(self, trialled: Trialled) -> Judgement:
        return Judgement("content", True, "")


class Writable(FakeSandbox):
    """A container that takes files."""

    def ask(self, job: Job, *, seconds: float) -> Reply:
        return {} if job["kind"] == "put" else super().ask(job, seconds=seconds)


class Engine(FakeEngine):
    """Containers that take files."""

    @contextmanager
    def open(self, image: Image, tree: Contents, limits: Limits) -> Iterator[FakeSandbox]:
        yield Writable(tree.tar.decode("latin-1"), self.answer, self.jobs)


def test_a_rewrite_says_what_is_in_its_way() -> None:
    text = TEXT.replace("\n", "\r\n")
    where = replace(case(run(result("w", Outcome.FAILED)), "w"), place=place(text))
    where = replace(where, head=side("head", {"m.py": text.encode()}))
    source = place().function.source.replace("x = a", "x = -a")
    candidate = Candidate(where.place.function, source, (), (), 0.0, 1.0, 0.0, is_revert=False)
    lab = Engine(lambda _tree, _spec: {"w": ("passed", "")}).lab()
    rewrite = verify(lab, where, candidate, (Content(),), Settings(), Silent())
    assert isinstance(rewrite, Rewrite)
    assert rewrite.obstacle == "line-ends"


def test_a_quick_suite_is_run_whole_and_a_slow_one_in_part() -> None:
    names = [f"t.py::test_{n}" for n in range(30)]
    head = run(result(names[0], Outcome.FAILED), *(result(name) for name in names[1:]))
    assert chosen(case(head), Settings()) == (None, "the whole suite")
    slow = SuiteRun(head.collected, head.tests, 1, 1000.0)
    what = case(slow, names[0], executing=(names[0], names[5]))
    selection, words = chosen(what, Settings(sample=3, seed=1))
    assert selection is not None
    assert len(selection) == 5
    assert {names[0], names[5]} <= set(selection)
    assert list(selection) == sorted(selection, key=names.index)
    assert words == "2 tests that execute the function and a sample of 3 of 28 others"
    assert chosen(what, Settings(sample=3, seed=1))[0] == selection


def test_a_part_of_a_run_is_what_that_selection_would_have_given() -> None:
    head = run(result("a"), result("b", Outcome.FAILED), result("c"))
    part = cut(head, ("c", "a"))
    assert part.collected == ("a", "c")
    assert [test.id for test in part.tests] == ["a", "c"]


def test_the_control_runs_the_witness_first_and_the_quickest_others() -> None:
    names = [f"t{n}" for n in range(100)]
    shuffled = random.Random(1).sample(names, 100)
    head = run(result("w", Outcome.CRASHED), *(result(name) for name in shuffled))
    controlled = under_control(case(head, "w", executing=tuple(names)))
    assert controlled[0] == "w"
    assert len(controlled) == CONTROLLED
    assert set(controlled[1:]) <= set(names)


def test_the_matrix_shows_the_witness_what_differs_and_what_executes() -> None:
    head = run(result("w", Outcome.FAILED), result("x"), result("y"), result("z"))
    new = run(result("w"), result("x", Outcome.SKIPPED), result("y"), result("z"))
    rows = matrix(case(head, "w", executing=("z",)), new)
    assert [(row.test, row.base, row.head, row.candidate) for row in rows] == [
        ("w", Outcome.PASSED, Outcome.FAILED, Outcome.PASSED),
        ("x", Outcome.PASSED, Outcome.PASSED, Outcome.SKIPPED),
        ("z", Outcome.PASSED, Outcome.PASSED, Outcome.PASSED),
    ]

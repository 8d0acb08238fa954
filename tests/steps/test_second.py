"""How the second look is laid out, and that processes of their own decide where a fork server cannot."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fake_engine import FakeEngine, FakeSandbox, Said, side
from sample_trials import finding, result, run, trialled

from bot import trial
from bot.checks.second_look import SecondLook
from bot.domain import Candidate, Evidence, Image, Limits, Outcome, Rejected, Rewrite
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents, Job, Reply
from bot.steps.verify import Case, Settings, second, verify

TEXT = "def f(a):\n    return a\n"
TESTS = """\
import m


class TestF:
    def test_a(self):
        got = m.f(1)
        assert got == 2


def test_b():
    assert m.f(0) == 1
"""
A, B = "test_m.py::TestF::test_a", "test_m.py::test_b[1]"
LANGUAGE = Python()


def case() -> Case:
    (function,) = LANGUAGE.functions("m.py", TEXT)
    place = trial.Place(LANGUAGE, TEXT, function, LANGUAGE.unit(TEXT, function))
    head = run(result(A, Outcome.FAILED), result(B, Outcome.TIMEOUT))
    where = side("head", {"m.py": TEXT.encode(), "test_m.py": TESTS.encode()})
    return Case(where, place, Evidence(run(result(A), result(B)), head), finding(A), (A, B), base=function)


def scene(seed: int = 0) -> second.Scene:
    made = second.scene(FakeEngine(lambda *_: {}).lab(), case(), Settings(), random.Random(seed))
    assert made is not None
    return made


def test_tests_of_ours_stand_among_the_others_which_go_backwards() -> None:
    made = scene()
    assert [test for test in made.order if test in made.tests] == [B, A]
    ours = [test for test in made.order if test not in made.tests]
    assert set(ours) == set(made.sentinels)
    places = [made.order.index(test) for test in (B, A)]
    assert places[0] == 0 and 0 < places[1] < len(made.order) - 1
    assert made.job.select == made.order and made.job.ordered
    (path,) = {test.partition("::")[0] for test in ours}
    assert made.side.files.read(path)


def test_circumstances_differ_from_the_cold_run_and_from_look_to_look() -> None:
    one, other = scene(1), scene(2)
    assert one.job.env["TZ"] not in ("", "UTC")
    assert one.job.env["PYTHONHASHSEED"] != other.job.env["PYTHONHASHSEED"]
    assert set(one.sentinels) != set(other.sentinels)


def test_bodies_are_watched_by_the_names_of_tests() -> None:
    made = scene()
    assert [(watch.path, watch.line, watch.name) for watch in made.job.watch] == [
        ("test_m.py", 5, "test_a"),
        ("test_m.py", 10, "test_b"),
    ]
    assert made.certain == {A: {6, 7}, B: {11}}


def test_tests_of_ours_are_put_beside_a_file_of_the_tree_not_behind_a_link() -> None:
    linked = replace(case(), finding=None, executing=("self/deep/test_m.py::test_c", A))
    made = second.scene(FakeEngine(lambda *_: {}).lab(), linked, Settings(), random.Random(0))
    assert made is not None
    assert {path for path in made.side.contents.over if "/" in path} == set()


def test_without_tests_there_is_nothing_to_look_at() -> None:
    bare = replace(case(), finding=None, executing=())
    assert second.scene(FakeEngine(lambda *_: {}).lab(), bare, Settings(), random.Random(0)) is None


def test_a_file_that_could_not_be_loaded_is_compared_by_its_tests() -> None:
    cold = run(result("t.py::a"), result("t.py::b[1]"), result("u.py::c"), result("u.py::d[2]"))
    look = second.Look(("t.py", "u.py::d"), second.Ran({}), ())
    found = second.beside_cold(look, trialled(run=cold, flaky=frozenset({"t.py::a"})))
    assert found is not None
    assert set(found.compared) == {"t.py::b[1]", "u.py::d[2]"}


@dataclass
class Writable(FakeSandbox):
    """A container that takes files, and remembers the function's."""

    text: str = ""

    def ask(self, job: Job, *, seconds: float) -> Reply:
        if job["kind"] == "put":
            self.text = base64.b64decode(job["files"]["m.py"]).decode()
            return {}
        return super().ask(job, seconds=seconds)


@dataclass
class Engine(FakeEngine):
    """Containers whose second look finds a test red on some text of the function; the cold run does not."""

    red_on: str = ""

    @contextmanager
    def open(self, image: Image, tree: Contents, limits: Limits) -> Iterator[FakeSandbox]:
        self.containers += 1

        def answer(_tree: str, spec: Mapping[str, Any]) -> Said:
            red = spec["ordered"] and self.red_on and self.red_on in box.text
            first = ("failed", "AssertionError: no") if red else ("passed", "")
            ours = [test for test in spec["select"] or () if test not in (A, B)]
            return {A: first, B: ("passed", ""), **dict.fromkeys(ours, ("passed", ""))}

        box = Writable(tree.tar.decode("latin-1"), answer, self.jobs)
        yield box


@pytest.mark.parametrize(
    ("red_on", "said"),
    [
        ("", "2 tests ended as in the cold run"),
        ("a + 1", "tampering suspected: "),
        ("return", "1 test ended as in the cold run; 1 left out"),  # base's function is red there, too
    ],
)
def test_processes_of_their_own_decide_without_a_fork_server(red_on: str, said: str) -> None:
    engine = Engine(lambda *_: {}, red_on=red_on)
    where = case()
    new = "def f(a):\n    return a + 1\n"
    candidate = Candidate(where.place.function, new, (), (), 0.0, 1.0, 0.0, is_revert=False)
    outcome = verify(engine.lab(), where, candidate, (SecondLook(),), Settings(race_seconds=0), Silent())
    (judgement,) = outcome.verdict.judgements
    assert judgement.detail.startswith(said)
    assert isinstance(outcome, Rejected if "tampering" in said else Rewrite)
    looks = [spec for _, spec in engine.jobs if spec["ordered"]]
    assert looks and all(spec["targets"] for spec in looks)
    # What hung at head would take what comes after it along: that version does without.
    assert B not in looks[0]["select"]
    assert B in looks[-1]["select"]
    assert outcome.verdict.why_in_process == "the function cannot be replaced in a running process"

"""The second look for real: what level honest rewrites reach, and which guard shows what a forged one hides."""

from __future__ import annotations

import io
import tarfile
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pytest
from engines import docker_backend, prepared
from fake_engine import Tree

from bot import trial, wiring
from bot.config import load
from bot.domain import (
    Candidate,
    ChangedFunction,
    Evidence,
    Image,
    Limits,
    ProofLevel,
    Rejected,
    Rewrite,
    SuitePlan,
)
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Contents
from bot.steps import observe, prove, suspect, verify

pytestmark = pytest.mark.engine

RIGHT = """\
def total(prices):
    result = 0
    for price in prices:
        result += price
    return result


def running(prices):
    result = 0
    for price in prices:
        result += price
        yield result
"""
WRONG = RIGHT.replace("+=", "-=")
TEST = """\
from shop import running, total


def test_total():
    got = total([1, 2])
    assert got == 3


def test_none():
    assert total([]) == 0


def test_running():
    got = list(running([1, 2]))
    assert got == [1, 3]
    assert got


def test_no_running():
    assert list(running([])) == []
"""
FAIRY = """\
import _pytest.python
_pytest.python.Function.runtest = lambda self: None
"""
JUMP = """\
import sys
def out(frame, event, arg):
    if event == "line":
        frame.f_lineno = frame.f_code.co_firstlineno + 3
        frame.f_trace = None
    return out
frame = sys._getframe(1)
while not frame.f_code.co_name.startswith("test_"):
    frame = frame.f_back
"""
WRITE = """\
import os
for number in range(3, 30):
    try:
        os.write(number, b'{"status": "ran", "event": "finish", "code": 0}\\\\n')
    except OSError:
        pass
"""


class Lenient(Python):
    """Python without a policy: what is left is what runs show."""

    def policy(self, original: str, candidate: str, imports: tuple[str, ...], module: str) -> tuple[str, ...]:
        return ()


@dataclass(frozen=True)
class Bench:
    """Base and head, observed once."""

    lab: trial.Lab
    sides: observe.Sides
    evidence: Evidence
    functions: Mapping[str, ChangedFunction]
    config_checks: wiring.Parts

    def case(self, name: str) -> verify.Case:
        """What a candidate for a function is judged against."""
        function = self.functions[name]
        language = Lenient()
        texts = prove.Texts({"shop.py": WRONG}, {"shop.py": language})
        suspicions = suspect.suspect((function,), self.evidence, self.config_checks.detectors)
        proven = prove.prove(
            self.lab, self.sides.head, texts, suspicions, self.evidence, seconds=60, progress=Silent()
        )
        place = trial.Place(language, WRONG, function.head, language.unit(WRONG, function.head))
        executing = self.evidence.executing(function.head)
        return verify.Case(self.sides.head, place, self.evidence, proven.findings[0], executing, function.base)

    def proved(self, name: str, source: str) -> Rewrite | Rejected:
        """The proof of a candidate."""
        case = self.case(name)
        candidate = Candidate(case.place.function, source, (), ("made",), 0.0, 1.0, 0.0, is_revert=False)
        settings = verify.Settings(race_seconds=0.0)
        return verify.verify(self.lab, case, candidate, self.config_checks.checks, settings, Silent())


def side(image: Image, module: str) -> trial.Side:
    files = {"shop.py": module, "test_shop.py": TEST}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    tree = Tree({path: text.encode() for path, text in files.items()})
    return trial.Side(tree, Contents(buffer.getvalue()), image, SuitePlan((), (), "pytest"))


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    backend = docker_backend()
    image = prepared(backend)
    lab = trial.Lab(backend, Limits())
    parts = wiring.assemble(load(None, environ={}, flags={}), {})
    sides = observe.Sides(side(image, RIGHT), side(image, WRONG))
    right, wrong = ({f.qualname: f for f in Python().functions("shop.py", text)} for text in (RIGHT, WRONG))
    functions = {
        name: ChangedFunction(wrong[name], right[name], (wrong[name].def_line,), "modified") for name in right
    }
    settings = observe.Settings(seconds=60)
    evidence = observe.observe(lab, sides, tuple(functions.values()), (), settings, Silent())
    yield Bench(lab, sides, evidence, functions, parts)
    backend.close()


def source_of(name: str, first: str = "", text: str = RIGHT) -> str:
    """A function's text with something done first."""
    function = next(f for f in Python().functions("shop.py", text) if f.qualname == name)
    head, _, rest = function.source.partition("\n")
    return f"{head}\n{textwrap.indent(first, '    ')}{rest}"


def told(outcome: Rewrite | Rejected) -> dict[str, str]:
    return {judgement.check: judgement.detail for judgement in outcome.verdict.judgements}


def test_plain_values_reach_the_level_apart(bench: Bench) -> None:
    outcome = bench.proved("total", source_of("total"))
    assert isinstance(outcome, Rewrite), outcome.reason
    assert (outcome.verdict.level, outcome.verdict.tests_apart) == (ProofLevel.APART, 2)
    said = told(outcome)
    assert said["second-look"] == "2 tests ended as in the cold run"
    assert said["test-bodies"] == "2 tests ran the lines that are their own"
    assert int(said["sentinels"].split()[0]) > 8


def test_a_generator_is_judged_in_process_and_says_why(bench: Bench) -> None:
    outcome = bench.proved("running", source_of("running"))
    assert isinstance(outcome, Rewrite), outcome.reason
    assert outcome.verdict.level is ProofLevel.IN_PROCESS
    assert "generator" in outcome.verdict.why_in_process
    assert told(outcome)["test-bodies"] == "2 tests ran the lines that are their own"


def test_what_cannot_be_swapped_in_is_looked_at_in_processes_of_their_own(bench: Bench) -> None:
    source = "@(lambda function: function)\n" + source_of("total")
    outcome = bench.proved("total", source)
    assert isinstance(outcome, Rewrite), outcome.reason
    assert outcome.verdict.level is ProofLevel.IN_PROCESS
    assert told(outcome)["test-bodies"] == "2 tests ran the lines that are their own"


@pytest.mark.parametrize(
    ("first", "check"),
    [
        (FAIRY, "sentinels"),
        (JUMP + "frame.f_trace = out\nsys.settrace(lambda *_: None)\n", "test-bodies"),
        (WRITE, "same-tests"),
    ],
    ids=["tests-not-run", "jump", "report"],
)
def test_a_forged_run_is_shown_by_its_guard(bench: Bench, first: str, check: str) -> None:
    outcome = bench.proved("running", source_of("running", first, WRONG))
    assert isinstance(outcome, Rejected), outcome.verdict
    bad = {judgement.check: judgement.detail for judgement in outcome.verdict.judgements if not judgement.ok}
    assert "tampering suspected" in bad[check], bad


def test_values_that_know_who_asks_are_shown_apart(bench: Bench) -> None:
    asks = 'import sys\nif sys._getframe(1).f_code.co_name.startswith("test_"):\n    return sum(prices)\n'
    outcome = bench.proved("total", source_of("total", asks, WRONG))
    assert isinstance(outcome, Rejected), outcome.verdict
    assert outcome.reason.startswith("apart: tampering suspected: ")
    assert outcome.verdict.level is ProofLevel.IN_PROCESS


def test_a_report_that_another_wrote_is_not_believed(bench: Bench) -> None:
    case = bench.case("running")
    with bench.lab.open(bench.sides.head) as box:
        stage = trial.Stage(bench.lab, box, case.place, bench.sides.head)
        stage.start(case.executing)
        version = trial.Version(source_of("running", WRITE, RIGHT))
        replies = dict(
            stage.preview([version, replace(version, source=source_of("running"))], trial.Course(case.executing))
        )
    assert (replies[0].status, replies[1].status) == ("crashed", "ran")
    assert "somebody else" in replies[0].message

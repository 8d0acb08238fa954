"""Trials of a function's versions in a real sandbox: warm and fresh agree, and nobody passes by leaving."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from engines import ARGS, contents, docker_backend, prepared, suite

from bot import signal, trial, wire, wire_calls
from bot.domain import Function, Image, Limits, Outcome, Problem, SuitePlan, SuiteRun, TestResult
from bot.errors import SandboxError
from bot.languages.python.language import Python
from bot.sandboxes import Backend, Sandbox
from bot.trial import Course, Lab, Place, Side, Stage, Version

LIMITS = Limits(memory_mb=384, processes=64, workspace_mb=48, tmp_mb=32)
SHOP = '''\
import functools

RATES = {"de": 19}


def twice(function):
    @functools.wraps(function)
    def inner(*args, **named):
        return 2 * function(*args, **named)

    return inner


class Cart:
    def __init__(self, prices):
        self.prices = prices

    def total(self, discount=0):
        """Sums up."""
        result = 0
        for price in self.prices:
            result -= price
        return result - discount


def make(rate):
    def tax(price):
        return price * rate // 100

    return tax


@twice
def pairs(n):
    return n


def registered():
    return 1


REGISTRY = [registered]
'''
TESTS = """\
import pytest
import shop


def test_total():
    assert shop.Cart([1, 2]).total() == 3


def test_empty():
    assert shop.Cart([]).total() == 0


def test_discount():
    assert shop.Cart([4]).total(discount=1) == 3


@pytest.mark.parametrize("prices", [[], [1]])
def test_many(prices):
    assert shop.Cart(prices).total() == sum(prices)


def test_tax():
    assert shop.make(19)(100) == 19


def test_pairs():
    assert shop.pairs(2) == 4
"""
FILES = {
    "shop.py": SHOP,
    "test_shop.py": TESTS,
    "test_own.py": "import pathlib\nimport shop\n\ndef test_own():\n    assert shop.Cart([2]).total() == 2\n",
}
GUIDE = tuple(
    f"test_shop.py::{name}" for name in ("test_total", "test_empty", "test_discount", "test_many[prices1]")
)
COURSE = Course(tests=GUIDE, seconds=2, step_limit=20_000)
PASSED = Outcome.PASSED


class Tree:
    """The files of the sample, as a revision offers them."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        return self._files[path].encode()


def function(qualname: str) -> Function:
    return next(f for f in Python().functions("shop.py", SHOP) if f.qualname == qualname)


def place(qualname: str = "Cart.total") -> Place:
    target = function(qualname)
    return Place(Python(), SHOP, target, Python().unit(SHOP, target))


HEAD = function("Cart.total").source
GOOD = HEAD.replace("-= price", "+= price")


def with_line(text: str) -> str:
    """The right version with a first statement more."""
    return GOOD.replace("        result = 0\n", f"        {text}\n        result = 0\n")


@pytest.fixture(scope="module")
def backend() -> Backend:
    return docker_backend()


@pytest.fixture(scope="module")
def image(backend: Backend) -> Image:
    return prepared(backend)


@pytest.fixture(scope="module")
def side(image: Image) -> Side:
    return Side(Tree(FILES), contents(FILES), image, SuitePlan(ARGS, (), "pytest"))


@pytest.fixture(scope="module")
def lab(backend: Backend) -> Lab:
    return Lab(backend, LIMITS)


@pytest.fixture(scope="module")
def box(lab: Lab, side: Side) -> Iterator[Sandbox]:
    with lab.open(side) as opened:
        yield opened


@pytest.fixture(scope="module")
def stage(lab: Lab, box: Sandbox, side: Side) -> Stage:
    made = Stage(lab, box, place(), side)
    made.start(GUIDE)
    assert made.warm, made.why_cold
    return made


def outcomes(reply: wire.TrialReply) -> dict[str, Outcome]:
    return {row.test.partition("::")[2]: row.outcome for row in reply.rows}


def preview(stage: Stage, *sources: str, course: Course = COURSE) -> list[wire.TrialReply]:
    replies = dict(stage.preview([Version(source) for source in sources], course))
    return [replies[index] for index in range(len(sources))]


def passes(reply: wire.TrialReply, tests: Sequence[str] = GUIDE) -> bool:
    """What the search takes for a pass: it ran, and every test asked for is there and green."""
    green = {row.test for row in reply.rows if row.outcome is PASSED}
    return reply.status == "ran" and green == set(tests)


# ----------------------------------------------------------------------------------------------- pure parts


def result(test: str, outcome: Outcome = PASSED) -> TestResult:
    return TestResult(test, outcome, 0.1)


def test_files_of_tests_each_once_in_order() -> None:
    assert trial.files_of(["b.py::t[x::y]", "a.py::C::t", "b.py::u"]) == ("b.py", "a.py")


def test_a_selection_collects_only_its_files() -> None:
    plan = SuitePlan(("-q",), ("tests",), "pytest", {"A": "1"})
    job = trial.suite_job(plan, LIMITS, seconds=5, select=["t/a.py::x"], test_seconds=2)
    assert job.args == ("-q", "t/a.py") and job.select == ("t/a.py::x",) and job.env == {"A": "1"}
    assert trial.suite_job(plan, LIMITS, seconds=5).args == ("-q", "tests")


def test_parts_of_a_run_are_put_together() -> None:
    problem = Problem("killed", "it was killed")
    first = SuiteRun(("a", "b"), (result("a"),), -9, 1.0, covered={"a": {"m": (1,)}}, problem=problem)
    second = SuiteRun(("b",), (result("b"),), 0, 2.0, covered={"b": {"m": (2,)}})
    both = trial.merged(first, second)
    assert both.collected == ("a", "b") and [test.id for test in both.tests] == ["a", "b"]
    assert both.seconds == 3.0 and both.exit_code == 0 and both.problem is None
    assert both.covered == {"a": {"m": (1,)}, "b": {"m": (2,)}}


# ---------------------------------------------------------------------------------------------------- suites


@pytest.mark.engine
def test_a_run_goes_on_past_tests_that_kill_or_leave_it(lab: Lab, side: Side) -> None:
    text = """
import os, signal

def test_a():
    pass

def test_exit():
    os._exit(0)

def test_b():
    pass

def test_kill():
    os.kill(os.getpid(), signal.SIGKILL)

def test_c():
    pass
"""
    before = lab.executions
    with lab.open(replace(side, contents=contents({"test_x.py": text}))) as box:
        run = trial.run_suite(lab, box, suite(seconds=30))
    assert [(test.id.partition("::")[2], test.outcome) for test in run.tests] == [
        ("test_a", PASSED),
        ("test_exit", Outcome.CRASHED),
        ("test_b", PASSED),
        ("test_kill", Outcome.CRASHED),
        ("test_c", PASSED),
    ]
    assert run.problem is None and len(run.collected) == 5
    assert lab.executions == before + 1


@pytest.mark.engine
def test_a_run_that_is_left_again_and_again_keeps_its_problem(lab: Lab, side: Side) -> None:
    text = (
        "import os\nimport pytest\n\n@pytest.mark.parametrize('n', range(9))\ndef test_exit(n):\n    os._exit(0)\n"
    )
    with lab.open(replace(side, contents=contents({"test_x.py": text}))) as box:
        run = trial.run_suite(lab, box, suite(seconds=30))
    assert run.problem is not None and run.problem.slug == "no-report"
    assert {test.outcome for test in run.tests} == {Outcome.CRASHED}


@pytest.mark.engine
def test_a_test_out_of_time_is_a_timeout_and_a_suite_out_of_time_a_problem(lab: Lab, side: Side) -> None:
    text = (
        "import time\n\ndef test_spin():\n    while True:\n        pass\n\ndef test_sleep():\n    time.sleep(99)\n"
    )
    with lab.open(replace(side, contents=contents({"test_x.py": text}))) as box:
        run = trial.run_suite(lab, box, suite(seconds=4, test_seconds=0.5))
    assert [(test.id, test.outcome) for test in run.tests] == [("test_x.py::test_spin", Outcome.TIMEOUT)]
    assert run.problem is not None and run.problem.slug == "timeout"


# -------------------------------------------------------------------------------------------------- previews

VERSIONS = {
    "head": HEAD,
    "right": GOOD,
    "raises": with_line("raise KeyError('x')"),
    "partly": GOOD.replace("- discount", "+ discount"),
    "other result": GOOD.replace("return result", "return result + 1"),
    "other default": GOOD.replace("discount=0", "discount=1"),
    "generator": GOOD.replace("return result", "yield result"),
    "asserts": with_line("assert self.prices"),
    "skips": with_line("import pytest; pytest.skip('no')"),
    "system exit": with_line("raise SystemExit(0)"),
}


@pytest.mark.engine
def test_warm_and_fresh_previews_see_the_same(stage: Stage) -> None:
    warm = preview(stage, *VERSIONS.values())
    for name, source, reply in zip(VERSIONS, VERSIONS.values(), warm, strict=True):
        if name not in ("right", "partly", "raises", "system exit", "other default"):
            continue  # each fresh one costs a process; these differ most
        fresh = stage.fresh(Version(source), COURSE)
        assert (reply.status, outcomes(reply)) == (fresh.status, outcomes(fresh)), name
        assert [(row.exception, row.line) for row in reply.rows] == [
            (row.exception, row.line) for row in fresh.rows
        ]
    found = {name: passes(reply) for name, reply in zip(VERSIONS, warm, strict=True)}
    assert [name for name, good in found.items() if good] == ["right"]


@pytest.mark.engine
def test_head_fails_where_the_line_is_wrong(stage: Stage) -> None:
    (reply,) = preview(stage, HEAD)
    assert outcomes(reply) == {
        "test_total": Outcome.FAILED,
        "test_empty": PASSED,
        "test_discount": Outcome.FAILED,
        "test_many[prices1]": Outcome.FAILED,
    }
    assert reply.rows[0].steps == 1 + 1 + 2 + 1 and reply.rows[0].progress == 6


LEAVES = {
    "os._exit": "import os; os._exit(0)",
    "sys.exit": "import sys; sys.exit()",
    "SystemExit": "raise SystemExit(0)",
    "pytest.exit": "import pytest; pytest.exit('fine', 0)",
    "killed parent": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
    "stop": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "endless": "while True: pass",
}


@pytest.mark.engine
@pytest.mark.parametrize("how", LEAVES)
def test_leaving_is_never_passing(stage: Stage, how: str) -> None:
    course = replace(COURSE, seconds=0.5)
    (reply,) = preview(stage, with_line(LEAVES[how]), course=course)
    assert not passes(reply)
    assert not any(row.outcome.good for row in reply.rows if row.test == GUIDE[0])
    if how in ("os._exit", "SystemExit"):
        fresh = stage.fresh(Version(with_line(LEAVES[how])), replace(COURSE, tests=GUIDE[:2]))
        assert not passes(fresh, GUIDE[:2])
    assert passes(preview(stage, GOOD)[0])


@pytest.mark.engine
def test_a_candidate_cannot_edit_the_tests(stage: Stage) -> None:
    edit = "open('/repo/test_shop.py', 'w').write('def test_total(): pass')"
    remove = "import os; os.rename('/repo/test_shop.py', '/repo/x.py')"
    for text in (edit, remove):
        warm, fresh = preview(stage, with_line(text))[0], stage.fresh(Version(with_line(text)), COURSE)
        assert {row.exception for row in warm.rows} == {row.exception for row in fresh.rows} == {"PermissionError"}
    assert passes(preview(stage, GOOD)[0])


@pytest.mark.engine
def test_many_versions_come_back_each_with_its_place_and_are_counted(stage: Stage, lab: Lab) -> None:
    before = lab.executions
    sources = [GOOD.replace("return result", f"return result + {n}") for n in range(30)]
    course = replace(COURSE, tests=GUIDE[1:2])
    found = sorted(stage.preview([Version(source) for source in sources], course), key=lambda row: row[0])
    assert [index for index, _ in found] == list(range(30))
    assert [outcomes(reply)["test_empty"] is PASSED for _, reply in found] == [True] + [False] * 29
    assert all(
        "- 0" in reply.rows[0].message or f"{n} ==" in reply.rows[0].message
        for n, (_, reply) in enumerate(found)
        if n
    )
    assert lab.executions == before + 30


@pytest.mark.engine
def test_versions_that_nobody_waits_for_any_more_are_ended_and_the_next_one_is_tried_at_once(stage: Stage) -> None:
    slow = with_line("__import__('time').sleep(300)")
    course = replace(COURSE, tests=GUIDE[1:2], seconds=100)
    sources = [GOOD, *[slow] * 6]
    began = time.monotonic()
    with contextlib.closing(stage.preview([Version(source) for source in sources], course)) as answers:
        index, first = next(answers)
        assert index == 0 and first.status == "ran"
    assert passes(preview(stage, GOOD)[0])
    assert time.monotonic() - began < 90, "each of the slow ones would be let run for 201 s"


@pytest.mark.engine
def test_what_cannot_be_swapped_is_tried_in_a_fresh_process(stage: Stage) -> None:
    changed = GOOD.replace("discount=0", "discount=len([])")
    decorated = "    @staticmethod\n" + GOOD
    good, broken = preview(stage, changed, decorated)
    assert passes(good) and good.rows[0].steps == 0, "it counts no steps: nothing was swapped"
    assert not passes(broken)
    assert preview(stage, GOOD.replace("+=", "+ ="))[0].status == "syntax"


@pytest.mark.engine
def test_imports_come_with_a_version(stage: Stage) -> None:
    source = with_line("assert math.pi")
    for reply in (
        next(stage.preview([Version(source, ("import math",))], COURSE))[1],
        stage.fresh(Version(source, ("import math",)), COURSE),
    ):
        assert passes(reply)
    assert not passes(preview(stage, source)[0])


@pytest.mark.engine
def test_a_traced_preview_tells_of_calls_and_their_values(stage: Stage) -> None:
    course = replace(COURSE, tests=GUIDE[:2], trace=100)
    head, right = preview(stage, HEAD, GOOD, course=course)
    ends = [changes[0] for line, changes in right.trace if line == 0]
    assert [(word, kind) for word, kind, _ in ends] == [("call", ""), ("return", "int")] * 2
    assert ends[1][2] == "3" and "discount=0" in ends[0][2]
    calls, reference = signal.executions(head.trace), signal.executions(right.trace)
    assert [call.ending for call in calls] == [("return", "int", "-3"), ("return", "int", "0")]
    line = function("Cart.total").def_line + 4
    assert signal.parting(calls[0], reference[0]) == (line, "result", "1")


@pytest.mark.engine
def test_stopping_at_the_first_failure(stage: Stage) -> None:
    course = replace(COURSE, stop_first=True)
    (warm,), fresh = preview(stage, HEAD, course=course), stage.fresh(Version(HEAD), course)
    assert [row.test for row in warm.rows] == [row.test for row in fresh.rows] == [GUIDE[0]]


@pytest.mark.engine
def test_recorded_calls_are_replayed_alike_by_equal_versions(
    stage: Stage, lab: Lab, side: Side, box: Sandbox
) -> None:
    target = function("Cart.total")
    watch = wire.Watch(target.id, "shop.py", target.start_line, "total")
    run = trial.run_suite(lab, box, suite(select=GUIDE, watch=(watch,)))
    inputs = [call.pickled for call in run.calls[target.id]]
    assert len(inputs) == 4 and all(inputs)

    def replayed(source: str) -> tuple[wire.Replayed, ...]:
        found = stage.replay(Version(source), inputs, derive=3, seed=5, seconds=2, steps=5000)
        assert found is not None and len(found) == 16
        return found

    right = replayed(GOOD)
    assert replayed(GOOD.replace("result += price", "result = price + result")) == right
    assert replayed(HEAD) != right and replayed(GOOD) == right
    assert {one.how for one in replayed(with_line("while True: pass"))} == {"endless"}


CARTS = [
    wire_calls.Input(source=f"(shop.Cart({prices}), 0)", needs=("import shop",), origin="generated")
    for prices in ("[1, 2]", "[]", "[3]", "None")
]


@pytest.mark.engine
def test_calls_tell_what_a_version_does_on_any_arguments(stage: Stage, lab: Lab, side: Side, box: Sandbox) -> None:
    target = function("Cart.total")
    watch = wire.Watch(target.id, "shop.py", target.start_line, "total")
    run = trial.run_suite(lab, box, suite(select=GUIDE, watch=(watch,)))
    recorded = run.calls[target.id]
    assert {call.answer for call in recorded} == {"-3", "0", "-5", "-1"}
    assert recorded[0].source == "(made(shop.Cart, prices=[1, 2]), 0)"
    assert recorded[0].needs == ("import shop", wire.MADE)

    given = [*CARTS, *(wire_calls.Input(pickled=call.pickled) for call in recorded)]
    given += [wire_calls.Input(source=call.source, needs=call.needs) for call in recorded]
    head, good = stage.call(None, given), stage.call(Version(GOOD), given, derive=1, seed=3)
    assert head is not None and good is not None and (len(head), len(good)) == (12, 24)
    assert [row.answer for row in head[:3]] == ["-3", "0", "-3"]
    assert [row.answer for row in good[:6:2]] == ["3", "0", "3"]
    assert (head[3].how, head[3].raised, head[3].explicit) == ("raised", "TypeError", False)
    assert SHOP.splitlines()[head[3].line - 1].strip() == "for price in self.prices:"
    assert head[0].source == "(shop.Cart(prices=[1, 2]), 0)" and head[0].needs == ("import shop",)
    assert [row.digest for row in head[4:8]] == [row.digest for row in head[8:]]
    assert {row.origin for row in good} == {"generated", "derived", "recorded"}


@pytest.mark.engine
def test_a_call_that_takes_its_process_with_it_does_not_take_the_rest(stage: Stage) -> None:
    ends = {"__import__('os')._exit(0)": "left", "while True: pass": "endless", "10**10**8": "endless"}
    for text, how in ends.items():
        inner = f"        if self.prices == []:\n            {text}\n        result = 0\n"
        version = Version(GOOD.replace("        result = 0\n", inner))
        rows = stage.call(version, CARTS, seconds=2)
        assert rows is not None
        assert [row.how for row in rows] == ["returned", how, "returned", "raised"], text
        assert rows[1].source == "(shop.Cart(prices=[]), 0)"


@pytest.mark.engine
def test_versions_are_timed_in_turns(stage: Stage) -> None:
    given = [wire_calls.Input(source="(shop.Cart(list(range(500))), 0)", needs=("import shop",))]
    slow = Version(with_line("sum(sum(self.prices) for price in self.prices)"))
    found = stage.measure([None, Version(HEAD), slow], given, scales=(1, 2), seconds=3)
    assert found is not None and [timing.scale for timing in found] == [1, 2]
    for timing in found:
        assert timing.how == ("returned", "returned", "returned") or timing.how[2] == "endless"
        assert timing.digests[0] == timing.digests[1] and len(timing.memory_kb) == 3
        head, same = (statistics.median(seconds) for seconds in timing.seconds[:2])
        assert head == pytest.approx(same, rel=0.2)
    assert found[1].size == pytest.approx(2 * found[0].size, rel=0.01)
    assert stage.measure([Version("def total(self:\n")], given) is None


@pytest.mark.engine
@pytest.mark.parametrize(("qualname", "test", "old", "new"), [
    ("make.<locals>.tax", "test_tax", "price * rate", "price + rate"),
    ("pairs", "test_pairs", "return n", "return n + 1"),
])  # fmt: skip
def test_nested_and_decorated_functions(
    lab: Lab, side: Side, box: Sandbox, qualname: str, test: str, old: str, new: str
) -> None:
    stage = Stage(lab, box, place(qualname), side)
    tests = (f"test_shop.py::{test}",)
    stage.start(tests)
    assert stage.warm
    source = function(qualname).source
    course = replace(COURSE, tests=tests)
    good, bad = preview(stage, source, source.replace(old, new), course=course)
    assert passes(good, tests) and not passes(bad, tests)
    assert good.rows[0].steps >= 1


@pytest.mark.engine
def test_a_stage_that_cannot_be_warm_says_why_and_still_previews(lab: Lab, side: Side, box: Sandbox) -> None:
    stage = Stage(lab, box, replace(place(), unit=replace(place().unit, line=1)), side)
    stage.start(GUIDE)
    assert not stage.warm and "live function" in stage.why_cold
    assert passes(preview(stage, GOOD)[0])
    nothing = Stage(lab, box, place(), side)
    nothing.start(["test_shop.py::test_not_there"])
    assert not nothing.warm and nothing.why_cold


@pytest.mark.engine
def test_a_candidate_cannot_kill_the_fork_server_and_where_it_shares_its_id_that_is_an_error_not_a_pass(
    lab: Lab, side: Side
) -> None:
    kills = with_line("import os, signal; os.kill(os.getppid(), signal.SIGKILL)")
    with lab.open(side) as box:
        stage = Stage(lab, box, place(), side)
        stage.start(GUIDE)
        tried, good = preview(stage, kills, GOOD)
        assert "PermissionError" in {row.exception for row in tried.rows} and passes(good)
        stage.share(True)
        with pytest.raises(SandboxError) as caught:
            preview(stage, kills, GOOD)
        assert caught.value.slug == "fork-server"


@pytest.mark.engine
def test_daemons_of_candidates_do_not_pile_up(lab: Lab, side: Side) -> None:
    daemon = """import os, time
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
            os._exit(0)"""
    with lab.open(side) as box:
        stage = Stage(lab, box, place(), side)
        stage.start(GUIDE)
        before = box.ask(wire.command_job(["/venv/bin/python", "-c", COUNT], 20), seconds=40)
        for reply in preview(stage, *[with_line(daemon)] * 5):
            assert passes(reply)
        counted = box.ask(wire.command_job(["/venv/bin/python", "-c", COUNT], 20), seconds=40)
        assert counted["output"] == before["output"]
        assert int(str(counted["output"])) == 5, "the fork server, and two pairs that clear up"


COUNT = """
import os
print(len([name for name in os.listdir("/proc") if name.isdigit() and int(name) not in (1, os.getpid())]))
"""

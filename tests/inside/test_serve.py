"""The fork server: candidates run in children, whatever they do is told apart, and the next one starts afresh."""

from __future__ import annotations

import base64
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import Json, Server, project, serving

from bot import wire

SOURCE = """\
def price(n, factor=2):
    result = 0
    for _ in range(n):
        result += factor
    return result
"""
STUBBORN = """

import time

log = []


def stubborn(n):
    while True:
        try:
            return price(n)
        except BaseException:
            pass


class Busy:
    def __repr__(self):
        while True:
            pass


class Asleep:
    def __repr__(self):
        time.sleep(60)


class Calls:
    def __repr__(self):
        while True:
            price(5)


class Deaf:
    def __repr__(self):
        while True:
            try:
                price(5)
            except BaseException:
                pass
"""
FILES = {
    "shop.py": SOURCE + STUBBORN,
    "conftest.py": """\
import pytest

@pytest.fixture(scope="session")
def once():
    return []
""",
    "test_shop.py": """\
import asyncio, sys, unittest
import pytest
import shop

def test_two():
    assert shop.price(2) == 4

@pytest.mark.parametrize("n", [0, 3])
def test_many(n):
    assert shop.price(n) == 2 * n

def test_capture(capsys, monkeypatch, tmp_path):
    print(shop.price(1))
    monkeypatch.setattr(sys, "argv", ["x"])
    (tmp_path / "f").write_text("x")
    assert capsys.readouterr().out == "2\\n"

def test_session(once):
    once.append(shop.price(1))
    shop.log.append(1)
    assert once == [2] and shop.log == [1]

def test_stubborn():
    assert shop.stubborn(1) == 2

@pytest.mark.skip
def test_skipped():
    pass

@pytest.mark.xfail
def test_expected():
    assert shop.price(1) == 3

class TestOld(unittest.TestCase):
    def test_old(self):
        self.assertEqual(shop.price(1), 2)
""",
}
UNIT = {"file": "shop.py", "line": 1, "name": "price", "classes": [], "source": SOURCE, "target_path": []}
TWO = "test_shop.py::test_two"
ALL = {
    TWO: "passed",
    "test_shop.py::test_many[0]": "passed",
    "test_shop.py::test_many[3]": "passed",
    "test_shop.py::test_capture": "passed",
    "test_shop.py::test_session": "passed",
    "test_shop.py::test_stubborn": "passed",
    "test_shop.py::test_skipped": "skipped",
    "test_shop.py::test_expected": "xfailed",
    "test_shop.py::TestOld::test_old": "passed",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("shop") / "repo", FILES)


@pytest.fixture(scope="module")
def server(home: Path, root: Path) -> Iterator[Server]:
    with serving(home, root, width=2) as made:
        assert made.ask({"kind": "hello"}) == {"ready": True, "tests": len(ALL), "own": False}
        assert made.ask({"kind": "arm", "unit": UNIT}) == {"functions": 1}
        yield made


def message(source: str | None = SOURCE, *, tests: Any = tuple(ALL), **more: Any) -> Json:
    told = {"kind": "trial", "source": source, "tests": list(tests), "seconds": 3, "step_limit": 5000}
    return {**told, **more}


def body(text: str) -> str:
    """The function with this text as its first line."""
    return SOURCE.replace("    result = 0\n", f"    {text}\n    result = 0\n")


def outcomes(answer: Json) -> dict[str, str]:
    return {row[0]: row[1] for row in answer["rows"]}


def test_the_original_behaves_as_in_a_run_of_its_own(server: Server) -> None:
    for _ in range(2):  # what a child did to the module is not there for the next
        answer = server.ask(message())
        assert (answer["status"], answer["exit"], answer["signal"], answer["killed"]) == ("ran", 0, 0, False)
        assert outcomes(answer) == ALL
    assert outcomes(server.ask(message(None))) == ALL


def test_a_candidate_is_what_the_tests_run(server: Server) -> None:
    answer = server.ask(message(SOURCE.replace("result += factor", "result -= factor")))
    found = outcomes(answer)
    assert found[TWO] == "failed" and found["test_shop.py::test_many[0]"] == "passed"
    row = answer["rows"][0]
    assert row[3] == "AssertionError" and "-4 == 4" in row[2]
    assert row[7] == 6, "the line of the test that it had reached"
    answer = server.ask(message(SOURCE.replace("result += factor", "result += factor // 0"), tests=[TWO]))
    assert answer["rows"][0][3:5] == ["ZeroDivisionError", 4]


def test_chosen_tests_and_stopping_at_the_first_failure(server: Server) -> None:
    wrong = SOURCE.replace("return result", "return result + 1")
    tests = ["test_shop.py::test_skipped", TWO, "test_shop.py::test_many[0]", "nowhere.py::test_x"]
    assert list(outcomes(server.ask(message(wrong, tests=tests)))) == tests[:3]
    assert list(outcomes(server.ask(message(wrong, tests=tests[1:], stop_first=True)))) == [TWO]


def test_steps_are_counted_and_limited_per_test(server: Server) -> None:
    answer = server.ask(message(tests=[TWO, "test_shop.py::test_many[3]"]))
    assert [row[6] for row in answer["rows"]] == [1 + 1 + 2 + 1, 1 + 1 + 3 + 1]
    assert answer["steps"] == 11
    answer = server.ask(message(tests=[TWO, "test_shop.py::test_many[3]"], step_limits={TWO: 3}))
    assert [row[1] for row in answer["rows"]] == ["timeout", "passed"]


def test_an_endless_candidate_is_cut_by_its_steps_at_once(server: Server) -> None:
    began = time.monotonic()
    answer = server.ask(message(body("while True: pass"), tests=[TWO]))
    assert outcomes(answer) == {TWO: "timeout"}
    answer = server.ask(message(body("while True: pass"), tests=["test_shop.py::test_stubborn"]))
    assert answer["exit"] == 86 and "rows" not in answer, "its caller swallows the signal to stop"
    assert time.monotonic() - began < 3


def test_trace_and_recorded_pairs(server: Server) -> None:
    answer = server.ask(message(tests=[TWO], trace=4, pairs=5))
    assert [entry[0] for entry in answer["trace"]] == [0, 2, 3, 4]
    assert answer["trace"][0] == [0, [["call", "", "n=2, factor=2"]]]
    assert ["result", "int", "0"] in answer["trace"][2][1]
    (pair,) = answer["pairs"]
    same = server.ask(
        message(SOURCE.replace("result += factor", "result = result + factor"), tests=[TWO], pairs=5)
    )
    other = server.ask(message(SOURCE.replace("result += factor", "result -= factor"), tests=[TWO], pairs=5))
    assert same["pairs"] == [pair]
    assert other["pairs"][0][0] == pair[0] and other["pairs"][0][1] != pair[1]


def test_a_trace_tells_how_the_function_is_left_with_and_without_pairs(server: Server) -> None:
    for pairs in (0, 5):
        answer = server.ask(message(tests=[TWO], trace=100, pairs=pairs))
        assert answer["trace"][-1] == [0, [["return", "int", "4"]]]
        assert len(answer["pairs"]) == min(1, pairs)
    answer = server.ask(message(body("raise ValueError('no %d' % n)"), tests=[TWO], trace=100))
    assert answer["trace"][-2:] == [
        [2, [["n", "int", "2"], ["factor", "int", "2"]]],
        [0, [["raise", "ValueError", "no 2"]]],
    ]
    assert outcomes(answer) == {TWO: "failed"}


@pytest.mark.parametrize("kind", ["Busy", "Asleep", "Calls"])
def test_a_representation_that_hangs_is_cut_and_the_test_goes_on(server: Server, kind: str) -> None:
    began = time.monotonic()
    answer = server.ask(message(body(f"odd = {kind}()"), tests=[TWO], trace=200))
    assert outcomes(answer) == {TWO: "passed"}
    assert any(name == "odd" and "repr raised" in text for _, rows in answer["trace"] for name, _, text in rows)
    assert answer["steps"] == 6, "what the representation ran does not count"
    assert time.monotonic() - began < 3


def test_a_representation_that_swallows_the_stop_ends_the_trial_by_its_limits(server: Server) -> None:
    began = time.monotonic()
    answer = server.ask(message(body("odd = Deaf()"), tests=[TWO], trace=200, seconds=1))
    assert answer["exit"] == 86
    assert time.monotonic() - began < 3


def test_what_cannot_be_put_in_place_says_so(server: Server) -> None:
    assert server.ask(message("def price(n:\n"))["status"] == "syntax"
    assert server.ask(message("def price(n, factor=len('ab')):\n    return n\n"))["status"] == "unswappable"
    assert server.ask(message("x = 1\n"))["status"] == "unswappable"


def test_imports_that_a_candidate_needs_are_made(server: Server) -> None:
    source = body("assert math.pi")
    assert outcomes(server.ask(message(source, tests=[TWO]))) == {TWO: "failed"}
    assert outcomes(server.ask(message(source, tests=[TWO], imports=["import math"]))) == {TWO: "passed"}


LEAVES = {
    "os._exit(0)": "import os; os._exit(0)",
    "os._exit(0) in a thread": "import os, threading; threading.Thread(target=os._exit, args=(0,)).start()\n"
    "    while True: pass",
    "sys.exit": "import sys; sys.exit(0)",
    "SystemExit": "raise SystemExit(0)",
    "pytest.exit": "import pytest; pytest.exit('fine', 0)",
    "pytest.skip": "import pytest; pytest.skip('fine')",
    "KeyboardInterrupt": "raise KeyboardInterrupt",
    "GeneratorExit": "raise GeneratorExit",
    "abort": "import os; os.abort()",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "deep recursion": "return price(n + 1)",
    "execv": "import os; os.execv('/bin/true', ['true'])",
}


@pytest.mark.parametrize("how", LEAVES)
def test_a_candidate_that_leaves_does_not_pass(server: Server, how: str) -> None:
    answer = server.ask(message(body(LEAVES[how]), tests=[TWO]))
    trial = wire.read_trial(answer)
    assert trial.status != "ran" or not any(row.outcome.good for row in trial.rows)
    assert outcomes(server.ask(message(tests=[TWO]))) == {TWO: "passed"}, "the next one is served"


def test_output_of_a_candidate_goes_nowhere_and_does_not_hold_it_up(server: Server) -> None:
    flood = body("import os; [os.write(fd, b'x' * 1000000) for fd in (1, 2) for _ in range(200)]")
    answer = server.ask(message(flood, tests=[TWO]))
    assert outcomes(answer) == {TWO: "passed"}
    assert server.process.poll() is None


PIPES = """import os
    fds = ["/proc/self/fd/%s" % fd for fd in os.listdir("/proc/self/fd")]
    pipes = [int(fd.split("/")[-1]) for fd in fds if os.path.exists(fd) and "pipe" in os.readlink(fd)]
    [os.write(fd, GARBAGE) for fd in pipes]
    os._exit(0)"""


@pytest.mark.parametrize(
    "garbage",
    [
        "b'not json'",
        "b'[' * 100000",
        "b'[1, 2]'",
        """b'{"job": 99, "error": "x", "gone": true, "id": 7, "status": "syntax"}'""",
        "b'\\x00' * 9000000",
        """b'{"rows": ' + b'[' * 900 + b']' * 900 + b'}'""",
    ],
)
def test_garbage_on_a_childs_pipe_harms_nobody(server: Server, garbage: str) -> None:
    answer = server.ask(message(body(PIPES.replace("GARBAGE", garbage)), tests=[TWO]))
    assert not {"job", "error", "gone", "id"} & set(answer)
    assert wire.read_trial(answer).rows == ()
    assert outcomes(server.ask(message(tests=[TWO]))) == {TWO: "passed"}


@pytest.mark.thorough
def test_a_child_that_sleeps_is_killed_at_its_deadline(server: Server) -> None:
    began = time.monotonic()
    answer = server.ask(message(body("import time; time.sleep(60)"), tests=[TWO], seconds=0.2))
    assert answer["killed"] and 1 < time.monotonic() - began < 5


@pytest.mark.thorough
def test_a_child_that_closed_its_pipe_and_lives_on_is_killed_and_holds_nobody_up(server: Server) -> None:
    hidden = body("import os, time; os.closerange(3, 500); time.sleep(60)")
    slow = server.send(message(hidden, tests=[TWO], seconds=1))
    began = time.monotonic()
    for _ in range(3):
        assert outcomes(server.ask(message(tests=[TWO]))) == {TWO: "passed"}
    assert time.monotonic() - began < 2
    assert server.answer(slow)["killed"]


def test_a_process_that_a_test_leaves_behind_does_not_delay_the_answer(server: Server) -> None:
    leave = (
        "import os, time\n    if not os.fork():\n        os.setsid()\n        time.sleep(8)\n        os._exit(0)"
    )
    began = time.monotonic()
    answer = server.ask(message(body(leave), tests=[TWO]))
    assert time.monotonic() - began < 3
    assert outcomes(answer) == {TWO: "passed"} and not answer["killed"]


@pytest.mark.thorough
def test_a_child_that_burns_the_clock_outside_the_function_is_killed(server: Server) -> None:
    spins = body("import itertools; sum(1 for _ in itertools.count())")
    answer = server.ask(message(spins, tests=[TWO], seconds=1))
    assert answer["signal"] in (9, 24) or answer["killed"]
    assert answer["cpu"] > 0.5


def test_many_are_served_side_by_side_and_each_gets_its_own_answer(server: Server) -> None:
    numbers = {server.send(message(SOURCE.replace("= 0", f"= {i}"), tests=[TWO])): i for i in range(12)}
    for number, i in numbers.items():
        row = server.answer(number)["rows"][0]
        assert (row[1] == "passed") is (i == 0)
        assert i == 0 or f"{i + 4} == 4" in row[2]


def test_a_long_answer_to_a_long_question(server: Server) -> None:
    padding = "".join(f"    # {'x' * 100}\n" for _ in range(3000))
    source = SOURCE.replace("    return result\n", f"{padding}    return result\n")
    assert outcomes(server.ask(message(source, tests=[TWO]))) == {TWO: "passed"}


def frozen(*values: object) -> str:
    return base64.b64encode(pickle.dumps(list(values), 4)).decode()


def replay(source: str | None = SOURCE, **more: Any) -> Json:
    told = {
        "kind": "replay", "source": source, "inputs": [frozen(2, 3), frozen(0, 1)], "derive": 4, "seed": 1,
        "parameters": [["n", "p"], ["factor", "p"]], "seconds": 3, "step_limit": 2000,
    }  # fmt: skip
    return {**told, **more}


def test_replay_tells_equal_functions_from_others(server: Server) -> None:
    first = server.ask(replay(None))
    assert first["status"] == "ran" and first["complete"] and len(first["outcomes"]) == 10
    assert first["outcomes"][0][0] == "returned" and first["outcomes"][0][2] == "2, 3 -> 6"
    assert (
        server.ask(replay("def price(n, factor=2):\n    return max(n, 0) * factor\n"))["outcomes"]
        == first["outcomes"]
    )
    assert server.ask(replay())["outcomes"] == first["outcomes"]
    other = server.ask(replay(SOURCE.replace("return result", "return result + 1")))
    assert all(a[1] != b[1] for a, b in zip(other["outcomes"], first["outcomes"], strict=True))


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("raise KeyError(n)", "raised"),
        ("while True: pass", "endless"),
        ("import time; time.sleep(9)", "endless"),
        ("raise SystemExit", "left"),
        ("return n", "returned"),
    ],
)
def test_replay_names_how_a_call_ended(server: Server, text: str, how: str) -> None:
    answer = server.ask(replay(body(text), derive=0))
    assert {row[0] for row in answer["outcomes"]} == {how}


def test_replay_of_what_cannot_be_loaded(server: Server) -> None:
    answer = server.ask(replay(inputs=["AAAA", "!", frozen(1, 1)], derive=0))
    assert [row[0] for row in answer["outcomes"]] == ["unusable", "unusable", "returned"]


def test_the_server_can_be_armed_again(home: Path, root: Path) -> None:
    with serving(home, root, select=[TWO]) as server:
        assert server.ask({"kind": "hello"})["tests"] == 1
        for _ in range(2):
            assert server.ask({"kind": "arm", "unit": UNIT}) == {"functions": 1}
            assert outcomes(server.ask(message(tests=[TWO]))) == {TWO: "passed"}
        assert server.ask({"kind": "arm", "unit": {**UNIT, "line": 2}}) == {"functions": 0}
        assert server.ask(message(tests=[TWO]))["status"] == "unswappable"


def test_only_what_candidates_started_is_killed_between_them(home: Path, tmp_path: Path) -> None:
    helper = "import subprocess\nHELPER = subprocess.Popen(['sleep', '30'])\n"
    root = project(tmp_path / "repo", {**FILES, "conftest.py": helper + FILES["conftest.py"]})
    leave = f"""import os, time
    if not os.fork():
        os.setsid()
        open({str(tmp_path / "pid")!r}, "w").write(str(os.getpid()))
        time.sleep(30)
        os._exit(0)
    while not os.path.exists({str(tmp_path / "pid")!r}):
        time.sleep(0.01)"""
    with serving(home, root) as server:
        server.ask({"kind": "arm", "unit": UNIT})
        assert outcomes(server.ask(message(body(leave), tests=[TWO], step_limit=10**6))) == {TWO: "passed"}
        children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
        assert len(children) == 1 and "sleep" in Path(f"/proc/{children[0]}/cmdline").read_text()
        assert not Path("/proc", (tmp_path / "pid").read_text()).exists()

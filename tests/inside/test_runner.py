"""One pytest process as the agent starts it: what it reports of every kind of test, and of what never ran."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from processes import Ran, project, run

FILES = {
    "shop.py": """\
def price(n):
    if n < 0:
        raise ValueError("negative")
    return n * 2


def spin():
    while True:
        pass
""",
    "conftest.py": """\
import pytest

@pytest.fixture(scope="session")
def once():
    return []

@pytest.fixture
def broken():
    raise LookupError("no set-up")

@pytest.fixture
def fragile():
    yield
    raise LookupError("no tear-down")
""",
    "test_words.py": """\
import unittest
import pytest
import shop

def test_passes():
    assert shop.price(2) == 4

def test_fails():
    assert shop.price(2) == 5, "twice"

def test_raises():
    shop.price(-1)

def test_setup(broken):
    pass

def test_teardown(fragile):
    pass

def test_fails_and_teardown(fragile):
    assert False

@pytest.mark.skip(reason="later")
def test_skipped():
    assert False

def test_skips_itself():
    pytest.skip("not here")

@pytest.mark.xfail
def test_expected():
    assert False

@pytest.mark.xfail(run=False)
def test_expected_not_run():
    assert False

@pytest.mark.xfail
def test_unexpected():
    pass

@pytest.mark.xfail(strict=True)
def test_strict():
    pass

@pytest.mark.xfail(raises=KeyError)
def test_expected_other():
    raise ValueError("v")

@pytest.mark.parametrize("n", [1, "a b", None, "é"])
def test_many(n):
    assert n

@pytest.mark.parametrize("n", [1, 2], ids=["x::y", "z/[w]"])
def test_odd_ids(n):
    assert n == 1

async def test_async():
    assert False

def test_session(once):
    once.append(1)
    assert once == [1]

def test_session_again(once):
    assert once == [1]

def test_capture(capsys, monkeypatch):
    print("hello")
    monkeypatch.setattr(shop, "price", lambda n: 7)
    assert capsys.readouterr().out == "hello\\n" and shop.price(1) == 7

def test_exit():
    raise SystemExit(0)

class TestGroup:
    @pytest.fixture(autouse=True, scope="class")
    def group(self):
        TestGroup.value = 5
    def test_in_class(self):
        assert self.value == 5

class TestOld(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ready = True
    def setUp(self):
        self.n = 1
    def test_old(self):
        self.assertTrue(self.ready)
        self.assertEqual(self.n, 1)
    def test_old_fails(self):
        self.assertEqual(self.n, 2)
    def test_old_skips(self):
        self.skipTest("no")
    @unittest.expectedFailure
    def test_old_expected(self):
        self.fail()
    @unittest.expectedFailure
    def test_old_unexpected(self):
        pass
    def test_parts(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertNotEqual(n, 1)
    def test_all_parts(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertLess(n, 3)
""",
}

OUTCOMES = {
    "test_passes": "passed",
    "test_fails": "failed",
    "test_raises": "failed",
    "test_setup": "error",
    "test_teardown": "error",
    "test_fails_and_teardown": "failed",
    "test_skipped": "skipped",
    "test_skips_itself": "skipped",
    "test_expected": "xfailed",
    "test_expected_not_run": "xfailed",
    "test_unexpected": "xpassed",
    "test_strict": "failed",
    "test_expected_other": "failed",
    "test_many[1]": "passed",
    "test_many[a b]": "passed",
    "test_many[None]": "failed",
    "test_many[\\xe9]": "passed",
    "test_odd_ids[x::y]": "passed",
    "test_odd_ids[z/[w]]": "failed",
    "test_async": "failed",
    "test_session": "passed",
    "test_session_again": "passed",
    "test_capture": "passed",
    "test_exit": "failed",
    "TestGroup::test_in_class": "passed",
    "TestOld::test_old": "passed",
    "TestOld::test_old_fails": "failed",
    "TestOld::test_old_skips": "skipped",
    "TestOld::test_old_expected": "xfailed",
    "TestOld::test_old_unexpected": "failed",
    "TestOld::test_parts": "failed",
    "TestOld::test_all_parts": "passed",
}

TARGETS = {"shop.py": [{"line": 1, "name": "price", "id": "shop.py::price"}]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("words") / "repo", FILES)


@pytest.fixture(scope="module")
def words(home: Path, root: Path) -> Ran:
    """One run of the whole project, watched."""
    return run(home, root, targets=TARGETS, watch={"lines": True, "calls": True}, test_seconds=5)


def test_every_kind_of_test_has_its_word(words: Ran) -> None:
    assert {name: event["outcome"] for name, event in words.ends().items()} == OUTCOMES


def test_the_report_begins_with_what_was_collected_and_ends_with_the_exit_code(words: Ran) -> None:
    kinds = [event["event"] for event in words.events]
    assert kinds[0] == "collected" and kinds[-2:] == ["finish", "exit"]
    assert {name.partition("::")[2] for name in words.events[0]["ids"]} == set(OUTCOMES)
    assert [event["code"] for event in words.events[-2:]] == [1, 1] and words.code == 1
    assert kinds[1:-2] == ["start", "end"] * len(OUTCOMES)


def test_a_failure_is_the_exceptions_own_words_and_the_way_there(words: Ran) -> None:
    ends = words.ends()
    assert ends["test_raises"]["exception"] == "ValueError"
    assert ends["test_raises"]["message"] == "ValueError: negative"
    assert ends["test_raises"]["frames"] == [["test_words.py", 12, "test_raises"], ["shop.py", 3, "price"]]
    assert ends["test_fails"]["exception"] == "AssertionError"
    assert "twice" in ends["test_fails"]["message"] and "4 == 5" in ends["test_fails"]["message"]
    assert ends["test_setup"]["message"] == "LookupError: no set-up"
    assert ends["test_passes"]["message"] == ends["test_passes"]["exception"] == ""


def test_lines_and_calls_of_the_watched_function(words: Ran) -> None:
    ends = words.ends()
    assert ends["test_passes"]["lines"] == {"shop.py": [2, 4]}
    assert ends["test_raises"]["lines"] == {"shop.py": [2, 3]}
    assert ends["test_session"]["lines"] == {}
    (call,) = ends["test_passes"]["calls"]
    assert (call["function"], call["arguments"], call["result"]) == ("shop.py::price", "n=2", "4")
    (call,) = ends["test_raises"]["calls"]
    assert (call["arguments"], call["result"], call["raised"]) == ("n=-1", "", "ValueError")


def test_chosen_tests_in_the_order_asked_for(home: Path, root: Path) -> None:
    wanted = ["test_words.py::test_raises", "test_words.py::test_passes", "test_words.py::not_there"]
    ran = run(home, root, select=wanted, ordered=True)
    assert [event["id"] for event in ran.of("end")] == wanted[:2]
    assert ran.of("collected")[0]["ids"] == wanted[:2]


def test_a_file_may_be_replaced_for_its_importers(home: Path, root: Path) -> None:
    text = FILES["shop.py"].replace("n * 2", "n * 3")
    ran = run(home, root, select=["test_words.py::test_passes"], replace={"shop.py": text})
    assert ran.ends()["test_passes"]["outcome"] == "failed"
    assert "n * 2" in (root / "shop.py").read_text()


@pytest.mark.thorough
def test_an_endless_test_is_cut_by_its_own_time_and_the_rest_goes_on(home: Path, tmp_path: Path) -> None:
    files = {
        "shop.py": FILES["shop.py"],
        "test_spin.py": """\
import signal, time
import pytest
import shop

def test_spin():
    shop.spin()

def test_stubborn():
    while True:
        try:
            shop.spin()
        except Exception:
            pass

def test_slow_to_stop():
    try:
        shop.spin()
    finally:
        until = time.process_time() + 0.1
        while time.process_time() < until:
            pass

def test_own_alarm():
    signal.signal(signal.SIGALRM, lambda *_: 1 / 0)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(ZeroDivisionError):
        time.sleep(5)

def test_patient():
    until = time.process_time() + 0.5
    while time.process_time() < until:
        pass

def test_after():
    pass
""",
    }
    root = project(tmp_path / "repo", files)
    began = time.monotonic()
    ran = run(home, root, test_seconds=0.3, test_limits={"test_spin.py::test_patient": 5})
    assert time.monotonic() - began < 15
    assert {name: event["outcome"] for name, event in ran.ends().items()} == {
        "test_spin": "timeout",
        "test_stubborn": "timeout",
        "test_slow_to_stop": "timeout",
        "test_own_alarm": "passed",
        "test_patient": "passed",
        "test_after": "passed",
    }
    assert ran.ends()["test_spin"]["message"] == "TestTimeout: more CPU time than 0.3 s"
    assert ran.ends()["test_spin"]["frames"][-1][0] == "shop.py"
    assert ran.code == 1


def test_files_that_cannot_be_collected_say_where_it_went_wrong(home: Path, tmp_path: Path) -> None:
    files = {
        "shop.py": "import json\n\n\nLIMIT = 1 // 0\n",
        "test_import.py": "import shop\n\ndef test_a():\n    pass\n",
        "test_syntax.py": "def test_b(:\n",
        "test_exits.py": "import sys\n\n\ndef test_c():\n    pass\n",
        "test_fine.py": "def test_d():\n    pass\n",
    }
    root = project(tmp_path / "repo", files)
    ran = run(home, root)
    errors = {event["id"]: event for event in ran.of("collect-error")}
    assert set(errors) == {"test_import.py", "test_syntax.py"}
    assert errors["test_import.py"]["exception"] == "ZeroDivisionError"
    assert errors["test_import.py"]["frames"][-1] == ["shop.py", 4, "<module>"]
    assert errors["test_syntax.py"]["exception"] == "SyntaxError"
    assert ran.code == 2 and ran.of("finish")[0]["code"] == 2 and ran.of("end") == []


@pytest.mark.parametrize(
    ("body", "finished"),
    [
        ("import os\n    os._exit(0)", False),
        ("import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)", False),
        ("import pytest\n    pytest.exit('enough', returncode=0)", True),
        ("raise KeyboardInterrupt", True),
    ],
)
def test_a_run_that_is_left_early_lacks_an_outcome(home: Path, tmp_path: Path, body: str, finished: bool) -> None:
    root = project(tmp_path / "repo", {"test_a.py": f"def test_a():\n    {body}\n\ndef test_b():\n    pass\n"})
    ran = run(home, root)
    assert ran.of("start")[-1]["id"] == "test_a.py::test_a"
    assert "test_b" not in ran.ends()
    assert bool(ran.of("finish")) is finished


def test_a_test_that_forks_reports_once(home: Path, tmp_path: Path) -> None:
    body = "import os\n\ndef test_a():\n    pid = os.fork()\n    if pid:\n        os.waitpid(pid, 0)\n\n"
    body += "def test_b():\n    pass\n"
    root = project(tmp_path / "repo", {"test_a.py": body})
    ran = run(home, root)
    assert [event["id"] for event in ran.of("end")] == ["test_a.py::test_a", "test_a.py::test_b"]
    assert len(ran.of("finish")) == 1


def test_threads_that_go_on_do_not_keep_a_finished_run(home: Path, tmp_path: Path) -> None:
    body = "import threading, time\n\ndef test_a():\n    threading.Thread(target=time.sleep, args=(60,)).start()\n"
    began = time.monotonic()
    ran = run(home, project(tmp_path / "repo", {"test_a.py": body}))
    assert ran.code == 0 and time.monotonic() - began < 20


def test_nothing_of_ours_shadows_the_repositorys_modules(home: Path, tmp_path: Path) -> None:
    names = ["plugin", "recorder", "serve", "swap", "agent", "inputs"]
    files = {f"{name}.py": f"mine = '{name}'\n" for name in names}
    files["test_a.py"] = "import sys\n" + "".join(f"import {name}\n" for name in names)
    files["test_a.py"] += "def test_a():\n"
    files["test_a.py"] += "".join(f"    assert {name}.mine == '{name}'\n" for name in names)
    files["test_a.py"] += "    assert not [path for path in sys.path if 'tryline' in path]\n"
    ran = run(home, project(tmp_path / "repo", files))
    assert ran.ends()["test_a"]["outcome"] == "passed", ran.output

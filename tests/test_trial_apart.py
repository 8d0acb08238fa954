"""The function in a process and under a user of its own, in a real sandbox: what it reaches, what tests see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engines import ARGS, contents, docker_backend, prepared

from bot import trial, wire
from bot.domain import Limits, Outcome, SuitePlan
from bot.languages.python.language import Python

SHOP = '''\
import os


def total(prices):
    """Sums up."""
    return sum(prices) + 1
'''
TESTS = """\
import os
import shop

def test_total():
    assert shop.total([1, 2]) == 3

def test_user(tmp_path):
    (tmp_path / "private").write_text("x")
    found = shop.total([os.getuid(), os.getpid(), str(tmp_path / "private")])
    assert found == []
"""
RIGHT = "def total(prices):\n    return sum(prices)\n"
PROBE = '''\
def total(prices):
    """What it reaches of the tests' process, by name; nothing where all is closed."""
    if len(prices) != 3:
        return sum(prices)
    user, process, path = prices
    found = [] if (os.getuid() != user and os.getpid() != process) else ["the same user or process"]
    tries = {
        "kill": lambda: os.kill(process, 0),
        "kill the server": lambda: os.kill(os.getppid(), 0),
        "memory": lambda: open("/proc/%d/mem" % process, "rb").close(),
        "memory of the server": lambda: open("/proc/%d/mem" % os.getppid(), "rb").close(),
        "descriptors": lambda: os.listdir("/proc/%d/fd" % process),
        "environment": lambda: open("/proc/%d/environ" % process, "rb").read(),
        "file": lambda: open(path).read(),
        "become": lambda: os.setuid(user),
    }
    for name in sorted(tries):
        try:
            tries[name]()
        except OSError:
            continue
        found.append(name)
    mine = [int(fd) for fd in os.listdir("/proc/self/fd")]
    others = [fd for fd in mine if fd > 2 and os.path.exists("/proc/self/fd/%d" % fd)]
    return found + (["descriptors of its own: %s" % others] if len(others) > 1 else [])
'''
NAMES = ("test_shop.py::test_total", "test_shop.py::test_user")
LEAVING = "def total(prices):\n    os._exit(0)\n"


@pytest.fixture(scope="module")
def stage() -> Iterator[trial.Stage]:
    """A stage whose fork server has collected the tests."""
    backend, language = docker_backend(spares=0), Python()
    side = trial.Side(
        {}, contents({"shop.py": SHOP, "test_shop.py": TESTS}), prepared(backend), SuitePlan(ARGS, (), "pytest")
    )
    function = next(f for f in language.functions("shop.py", SHOP) if f.qualname == "total")
    place = trial.Place(language, SHOP, function, language.unit(SHOP, function))
    lab = trial.Lab(backend, Limits(memory_mb=384, processes=64, workspace_mb=48, tmp_mb=32))
    with lab.open(side) as box:
        found = trial.Stage(lab, box, place, side)
        found.start(NAMES, seconds=120)
        assert found.warm, found.why_cold
        yield found
    backend.close()


def run(stage: trial.Stage, source: str, tests: tuple[str, ...] = NAMES) -> wire.TrialReply:
    course = trial.Course(tests, seconds=20, apart=True)
    reply = dict(stage.preview([trial.Version(source)], course))[0]
    assert reply.apart and reply.swapped
    return reply


@pytest.mark.engine
def test_nothing_of_the_tests_is_in_reach(stage: trial.Stage) -> None:
    rows = {row.test: row for row in run(stage, PROBE).rows}
    assert {test: row.message for test, row in rows.items() if not row.outcome.good} == {}
    assert len(rows) == 2


@pytest.mark.engine
def test_red_is_red_and_leaving_is_no_pass(stage: trial.Stage) -> None:
    course = trial.Course(NAMES[:1], seconds=20)
    together = dict(stage.preview([trial.Version(stage.place.function.source)], course))[0]
    alone = run(stage, stage.place.function.source, NAMES[:1])
    assert [row.outcome for row in alone.rows] == [Outcome.FAILED] and not together.apart
    assert trial.difference(together, alone) == ""
    assert [row.outcome for row in run(stage, RIGHT, NAMES[:1]).rows] == [Outcome.PASSED]
    assert (run(stage, LEAVING).status, run(stage, LEAVING).rows) == ("crashed", ())


@pytest.mark.engine
def test_a_difference_is_said(stage: trial.Stage) -> None:
    together = dict(stage.preview([trial.Version(RIGHT)], trial.Course(NAMES[:1], seconds=20)))[0]
    assert "is failed" in trial.difference(together, run(stage, stage.place.function.source, NAMES[:1]))
    lazy = run(stage, "def total(prices):\n    return iter(prices)\n", NAMES[:1])
    assert "answer is not plain" in trial.difference(together, lazy)

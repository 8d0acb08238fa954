"""Many sandboxes and candidates, hostile ones among them, in one process: nothing grows, nothing stays."""

from __future__ import annotations

import gc
import os
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from breaking import owned, soon
from engines import ARGS, contents, docker_backend, prepared
from fake_engine import Tree

from bot import trial
from bot.domain import Limits, Outcome, SuitePlan
from bot.languages.python.language import Python
from bot.sandboxes.docker import engine

SECONDS = float(os.environ.get("TRYLINE_SOAK_SECONDS", "5"))
"""How long it goes on; a longer run is made by hand."""
pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(SECONDS + 120)]
CODE = "def price(amount):\n    rest = amount * 2\n    return rest\n"
TESTS = """\
from shop import price


def test_two():
    assert price(1) == 2


def test_four():
    assert price(2) == 4
"""
SUITE = ("test_shop.py::test_two", "test_shop.py::test_four")
CANDIDATES = {
    "right": "amount + amount",
    "wrong": "amount * 3",
    "endless": "[i for i in iter(int, 1)]",
    "exit": "__import__('os')._exit(0)",
    "killed": "__import__('os').kill(__import__('os').getpid(), 9)",
    "large": "len('x' * (1 << 31)) and amount * 2",
    "forks": "[__import__('os').fork() for _ in range(4)] and __import__('time').sleep(60)",
    "litter": "[open('/tmp/l%d' % i, 'w') for i in range(50)] and amount * 3",
    "flood": "__import__('os').write(1, b'x' * 10_000_000) and amount * 3",
}
LIMITS = Limits(memory_mb=512, processes=64, workspace_mb=32, tmp_mb=32)


@dataclass(frozen=True)
class Held:
    """What this process and this machine hold."""

    descriptors: int
    threads: int
    memory_mb: float
    files: int
    """Entries of the temporary folder."""


def held() -> Held:
    gc.collect()
    status = Path("/proc/self/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return Held(
        len(os.listdir("/proc/self/fd")),  # noqa: PTH208
        threading.active_count(),
        int(resident.split()[1]) / 1024,
        len(os.listdir(tempfile.gettempdir())),  # noqa: PTH208
    )


def test_nothing_grows_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # ours alone
    backend = docker_backend()
    image = prepared(backend)
    files = {"shop.py": CODE, "test_shop.py": TESTS}
    side = trial.Side(
        Tree({name: text.encode() for name, text in files.items()}),
        contents(files),
        image,
        SuitePlan(ARGS, (), ""),
    )
    (function,) = Python().functions("shop.py", CODE)
    place = trial.Place(Python(), CODE, function, Python().unit(CODE, function))
    versions = [trial.Version(CODE.replace("amount * 2", text)) for text in CANDIDATES.values()]
    lab = trial.Lab(backend, LIMITS)
    seen: Counter[str] = Counter()
    marks = []
    client = engine.connect(os.environ)

    def once() -> None:
        with lab.open(side) as box:
            ran = trial.run_suite(lab, box, trial.suite_job(side.plan, LIMITS, seconds=60))
            assert [test.outcome for test in ran.tests] == [Outcome.PASSED] * 2
            stage = trial.Stage(lab, box, place, side)
            stage.start(SUITE)
            assert stage.warm, stage.why_cold
            course = trial.Course(SUITE, seconds=1.0, step_limit=100_000)
            for index, reply in stage.preview(versions, course):
                name = list(CANDIDATES)[index]
                green = (
                    reply.status == "ran" and all(row.outcome.good for row in reply.rows) and len(reply.rows) == 2
                )
                assert green == (name == "right"), (name, reply)
                seen[name] += 1

    until = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < until or rounds < 5:
        once()
        rounds += 1
        if rounds >= 2:  # what is loaded and cached at first is there by then
            marks.append(held())
    backend.close()
    assert set(seen) == set(CANDIDATES) and min(seen.values()) == rounds
    first, last = marks[0], marks[-1]
    print(f"{rounds} rounds of {len(versions)} candidates; {first} -> {last}")
    assert last.descriptors <= first.descriptors + 8, marks
    assert last.threads <= first.threads + 8, marks
    assert last.memory_mb <= first.memory_mb + 24, marks
    assert last.files <= first.files, marks
    assert soon(lambda: owned(client, os.getpid()) == [], 30)
    assert soon(lambda: held().threads <= first.threads, 30)
    client.close()

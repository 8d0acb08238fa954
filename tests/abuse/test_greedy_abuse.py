"""Hostile programs that want all there is: what they take is bounded, as the host sees it, and the next works."""

from __future__ import annotations

import base64
import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

import outside
import pytest
from engines import contents, docker_backend, prepared, printed, program, suite

from bot import wire
from bot.domain import Limits, Outcome
from bot.errors import SandboxError
from bot.sandboxes import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.thorough]

LIMITS = Limits(memory_mb=256, processes=64, workspace_mb=48, tmp_mb=32, file_mb=16, cpus=1)
ROOM = 24 << 20
"""Bytes above the limit that the engine may report: what the kernel counts between two of its looks."""
FILES = {"test_fine.py": "def test_fine():\n    pass\n"}


@contextlib.contextmanager
def opened(limits: Limits = LIMITS) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox and its container's id; afterwards nothing of it may be left."""
    backend = docker_backend(spares=0)
    before = set(outside.ours())
    with backend.open(prepared(backend), contents(FILES), limits) as box:
        (container,) = set(outside.ours()) - before
        yield box, container
    assert outside.until(lambda: container not in outside.ours())
    assert outside.until(lambda: outside.processes(container) == [])


def greedy(
    box: Sandbox, container: str, text: str, seconds: float = 4
) -> tuple[outside.Watched, dict[str, object]]:
    """What a program takes, looked at from outside, and what is said of it."""
    with outside.watched(container) as seen:
        reply = dict(
            box.ask(program(f"import os, signal, socket, sys, threading, time\n{text}", seconds), seconds=90)
        )
        time.sleep(0.3)
    return seen, reply


FORKS = """
while True:
    try:
        os.fork()
        os.setsid()
    except OSError:
        pass
"""
THREADS = """
def forever():
    while True:
        time.sleep(1)
while True:
    try:
        threading.Thread(target=forever, daemon=True).start()
    except RuntimeError:
        time.sleep(0.01)
"""


@pytest.mark.parametrize("text", [FORKS, THREADS], ids=["forks", "threads"])
def test_processes_and_threads_are_counted_by_the_kernel(text: str) -> None:
    with opened() as (box, container):
        try:
            seen, reply = greedy(box, container, text)
        except SandboxError:
            return  # a bomb may take the container with it; then nothing of it is left, which `opened` looks at
        assert 20 < seen.processes <= LIMITS.processes
        assert reply["stop"] == "timeout" or reply["code"] != 0
        assert printed(box, "print('next')") == "next"


MEMORY = {
    "heap": "held = []\nwhile True:\n    held.append(b'x' * (10 << 20))\n",
    "temporary-files": """
held = []
for folder in ("/tmp", "/dev/shm", "/repo"):
    for number in range(1000):
        try:
            with open("%s/%d" % (folder, number), "wb") as stream:
                for _ in range(15):
                    stream.write(b"x" * (1 << 20))
                    stream.flush()
        except OSError:
            break
print("filled", len(held))
""",
    "pipes-and-sockets": """
held = []
while True:
    try:
        pair = socket.socketpair()
        pair[0].setblocking(False)
        pair[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)
        held.append(pair)
        while pair[0].send(b"x" * 65536):
            pass
    except BlockingIOError:
        continue
    except OSError:
        break
""",
    "mapped-and-shared": """
import mmap
held = []
while True:
    held.append(mmap.mmap(-1, 32 << 20))
    held[-1].write(b"x" * (32 << 20))
""",
}


@pytest.mark.parametrize("how", MEMORY)
def test_memory_of_every_kind_counts(how: str) -> None:
    with opened() as (box, container):
        try:
            seen, reply = greedy(box, container, MEMORY[how], 20)
            assert 0 < seen.memory <= (LIMITS.memory_mb << 20) + ROOM
            assert printed(box, "print('next')") == "next", reply
        except SandboxError as problem:  # where the kernel chose the agent
            assert problem.slug == "container-gone"


SPIN = """
for _ in range(8):
    if os.fork() == 0:
        while True:
            pass
while True:
    pass
"""


def test_all_processes_together_use_no_more_than_their_cores() -> None:
    with opened() as (box, container):
        seen, reply = greedy(box, container, SPIN, 5)
        assert reply["stop"] == "timeout"
        assert 0 < seen.cpu <= LIMITS.cpus * seen.seconds * 1.2 + 0.6
        assert printed(box, "print('next')") == "next"


FLOODS = {
    "endless line": "def test_bad():\n    import os\n    while True:\n        os.write(1, b'x' * 65536)\n",
    "huge repr": "class A:\n    def __repr__(self):\n        return 'y' * (40 << 20)\n\n"
    "def test_bad():\n    assert A() == 1\n",
    "deep cause": "def test_bad():\n    error = ValueError()\n    for _ in range(300):\n"
    "        new = ValueError()\n        new.__cause__ = error\n        error = new\n    raise error\n",
    "broken text": "def test_bad():\n    raise ValueError('\\ud800\\x00\\x1b[2J' * 9)\n",
    "many names": "import pytest\n\n@pytest.mark.parametrize('x', range(90000))\n"
    "def test_bad(x):\n    assert x < 0\n",
}
ENDS = {"endless line": "output-flood", "many names": "timeout"}


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with opened(replace(LIMITS, memory_mb=512)) as (made, _):
        yield made


@pytest.mark.parametrize("how", FLOODS)
def test_a_flood_of_words_is_bounded_and_no_pass(box: Sandbox, how: str) -> None:
    path = f"test_{how.replace(' ', '_')}.py"
    encoded = base64.b64encode(FLOODS[how].encode()).decode()
    assert box.ask({"kind": "put", "files": {path: encoded}}, seconds=30).get("ok") is True
    job = suite("-s", path, seconds=6 if how == "many names" else 25)
    reply = box.ask(wire.run_job(job), seconds=120)
    assert len(str(reply)) < 80 << 20
    ran, _ = wire.read_run(reply)
    assert not [test for test in ran.tests if test.outcome.good]
    assert all(len(test.message) < 2000 for test in ran.tests) and len(ran.output) < 20_000
    if how in ENDS:
        assert ran.problem is not None and ran.problem.slug in (ENDS[how], "report-flood"), ran.problem
    else:
        assert [test.outcome for test in ran.tests] == [Outcome.FAILED]
    assert printed(box, "print('next')") == "next"


STUBBORN = """
for number in set(range(1, 65)) - {9, 19, 32, 33}:
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid()
            os.closerange(0, 3)
            while True:
                time.sleep(0.05)
        os._exit(0)
"""


@pytest.mark.parametrize("last", ["", "while True:\n    time.sleep(1)\n"], ids=["ends", "hangs"])
def test_daemons_that_are_deaf_do_not_outlive_their_job(box: Sandbox, last: str) -> None:
    began = time.monotonic()
    reply = box.ask(program(f"import os, signal, time\n{STUBBORN}{last}", 3), seconds=60)
    assert (reply["stop"] == "timeout") is bool(last)
    assert time.monotonic() - began < 40
    numbers = printed(box, "import os; print(*[n for n in os.listdir('/proc') if n.isdigit()])").split()
    assert len(numbers) <= 4, "the agent, its janitor and the one that looks"

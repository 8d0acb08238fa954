"""The fence of system calls: what it refuses, what test suites do for a living, whom a fork server may become."""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from engines import contents, docker_backend, prepared, printed
from test_versions import interpreters

from bot.domain import Limits
from tryline_inside import fence

MACHINE = os.uname().machine
RAISE = """
import sys
sys.path.insert(0, sys.argv[1])
from tryline_inside import fence
assert fence.raised() == "on"
"""

PROBES = """
import ctypes, errno, json, socket
libc = ctypes.CDLL(None, use_errno=True)

def ask(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(ctypes.c_long(number), *[ctypes.c_long(each) for each in arguments])
    return errno.errorcode.get(ctypes.get_errno(), "")

def made(family, kind):
    try:
        socket.socket(family, kind).close()
    except OSError as problem:
        return errno.errorcode[problem.errno]
    return ""

found = {name: ask(number, *([0] * 6)) for name, number in CALLS.items()}
found["clone of users"] = ask(CLONE, 0x10000000 | 17, 0, 0, 0, 0)
found["typing"] = ask(IOCTL, 0, 0x5412, 0)
found["personality"] = ask(PERSONALITY, 8)
found["asked personality"] = ask(PERSONALITY, 0xFFFFFFFF)
families = {"netlink": (16, 3), "vsock": (40, 1), "packet": (17, 3), "alg": (38, 5), "key": (15, 3)}
for name, (family, kind) in families.items():
    found[name] = made(family, kind)
print(json.dumps(found))
"""
"""What each call ends with, {name: errno's name, '' where it was done}; CALLS and the others stand before it."""

ORDINARY = """
import asyncio, concurrent.futures, ctypes, fcntl, getpass, mmap, multiprocessing, os, select, signal, socket
import sqlite3, subprocess, sys, tempfile, threading, time

def doubled(n):
    return 2 * n

def served(family, address):
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((address, 0))
    server.listen()
    with socket.create_connection(server.getsockname()[:2]) as client, server.accept()[0] as far:
        client.sendall(b"x")
        return far.recv(1) == b"x"

async def awaited():
    process = await asyncio.create_subprocess_exec("true")
    await asyncio.sleep(0)
    return await process.wait() == 0

def check():
    assert subprocess.run("echo $((1 + 1))", shell=True, stdout=subprocess.PIPE, check=True).stdout == b"2\\n"
    heard = []
    threads = [threading.Thread(target=heard.append, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) == [0, 1, 2, 3, 4]
    assert asyncio.new_event_loop().run_until_complete(awaited())
    context = multiprocessing.get_context("fork")
    with context.Pool(2) as pool, context.Lock():
        assert pool.map(doubled, [1, 2]) == [2, 4]
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as pool:
        assert pool.submit(doubled, 4).result() == 8
    queue = context.Queue()
    queue.put("x")
    assert queue.get() == "x"
    assert served(socket.AF_INET, "127.0.0.1")
    try:
        assert served(socket.AF_INET6, "::1")
    except OSError as problem:  # a machine without IPv6 has no such address
        assert problem.errno == 99, problem
    assert socket.getaddrinfo("localhost", 80) and socket.gethostname()
    one, other = socket.socketpair()
    one.close(), other.close()
    with tempfile.TemporaryDirectory() as place:
        base = sqlite3.connect(place + "/base")
        base.execute("create table t (n)")
        base.execute("insert into t values (1)")
        base.commit()
        base.close()
        server = socket.socket(socket.AF_UNIX)
        server.bind(place + "/socket")
        server.close()
        with open(place + "/file", "w+b") as stream:
            stream.write(b"x" * 4096)
            stream.flush()
            fcntl.flock(stream, fcntl.LOCK_EX)
            assert mmap.mmap(stream.fileno(), 4096)[0] == 120
        os.symlink("file", place + "/link")
        os.chmod(place + "/file", 0o600)
        os.utime(place + "/file")
    with tempfile.NamedTemporaryFile() as stream:
        assert os.path.dirname(stream.name) == tempfile.gettempdir()
    mmap.mmap(-1, 4096).close()
    signal.setitimer(signal.ITIMER_REAL, 5)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert os.isatty(os.openpty()[0])
    poller = select.epoll()
    poller.close()
    assert getpass.getuser() and os.path.isdir(os.path.expanduser("~")) and os.sched_getaffinity(0)
    time.sleep(0)

if __name__ == "__main__":
    check()
    print("all")
"""


def asked() -> str:
    """The probes with the numbers of this machine's calls."""
    at = fence.column(MACHINE)
    calls = {name: numbers[at] for name, numbers in {**fence.REFUSED, **fence.UNKNOWN}.items() if numbers[at]}
    numbers = (fence.CLONE, fence.IOCTL, fence.PERSONALITY)
    return f"CALLS = {calls!r}\nCLONE, IOCTL, PERSONALITY = {[each[at] for each in numbers]}\n{PROBES}"


def verdicts(said: str) -> None:
    found = json.loads(said)
    at = fence.column(MACHINE)
    assert {name for name in fence.UNKNOWN if found.pop(name) != "ENOSYS"} == set()
    families = ("netlink", "vsock", "packet", "alg", "key")
    assert {name: end for name in families if (end := found.pop(name)) != "EAFNOSUPPORT"} == {}
    assert found.pop("asked personality") == ""
    assert {name: end for name, end in found.items() if end != "EPERM"} == {}
    assert len(found) >= 3 + sum(numbers[at] is not None for numbers in fence.REFUSED.values())


def on_the_host(python: Path | str, home: Path, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-c", program, home], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.name)
def test_it_refuses_and_lets_pass_the_same_with_every_interpreter(python: Path, home: Path) -> None:
    done = on_the_host(python, home, RAISE + asked())
    assert done.returncode == 0, done.stderr
    verdicts(done.stdout)
    done = on_the_host(python, home, RAISE + ORDINARY)
    assert done.stdout == "all\n", done.stderr


def test_without_it_calls_end_otherwise(home: Path) -> None:
    harmless = "import socket\nsocket.socket(16, 3).close()\nprint('open')"
    assert on_the_host(sys.executable, home, harmless).stdout == "open\n"
    assert on_the_host(sys.executable, home, RAISE + harmless).stdout == ""


@pytest.mark.skipif(MACHINE != "x86_64", reason="only this machine has calls of two other kinds")
def test_calls_of_another_kind_of_machine_end_the_process(home: Path) -> None:
    x32 = "import ctypes\nctypes.CDLL(None).syscall(ctypes.c_long(0x40000000 | 39))\n"
    assert on_the_host(sys.executable, home, x32).returncode == 0
    assert on_the_host(sys.executable, home, RAISE + x32).returncode == -signal.SIGSYS


BECOME = """
import sys; sys.path.insert(0, sys.argv[1])
import ctypes, json, os
from tryline_inside import fence
fence.put(fence.becoming(os.uname().machine, 20000, 20009))
libc = ctypes.CDLL(None, use_errno=True)
found = {}
for name in list(fence.USERS) + list(fence.GROUPS):
    for uid in (0, 1, 65534, 19999, 20000, 20009, 20010, 2**32 - 2, -1):
        count = {"setreuid": 2, "setresuid": 3, "setregid": 2, "setresgid": 3}.get(name, 1)
        for place in range(count):
            pid = os.fork()
            if pid == 0:
                number = (fence.USERS.get(name) or fence.GROUPS[name])[COLUMN]
                told = [-1] * count
                told[place] = uid
                ctypes.set_errno(0)
                libc.syscall(ctypes.c_long(number), *[ctypes.c_long(each) for each in told], ctypes.c_long(0))
                os._exit(ctypes.get_errno() == 1)
            if os.waitpid(pid, 0)[1] == 0:
                found.setdefault(name, set()).add(uid)
print(json.dumps({name: sorted(ids) for name, ids in found.items()}))
"""


def test_a_server_may_become_its_candidates_and_nobody_else(home: Path) -> None:
    program = BECOME.replace("COLUMN", str(fence.column(MACHINE)))
    allowed = json.loads(on_the_host(sys.executable, home, program).stdout)
    assert set(allowed) == {"setuid", "setreuid", "setresuid", "setfsuid"}
    assert all(ids == [-1, 20000, 20009] for ids in allowed.values())


def test_both_machines_have_a_program() -> None:
    for machine in fence.MACHINES:
        for program in (fence.general(machine), fence.becoming(machine, 20000, 59999)):
            assert len(program) % 8 == 0 and len(program) // 8 < 256
            assert struct.unpack("=HBBI", program[-8:]) == (fence.RETURN, 0, 0, fence.KILL)
    with pytest.raises(ValueError, match="a jump"):
        far = fence.Program()
        far.jump(fence.EQUAL, 0, "there")
        for _ in range(300):
            far.load(0)
        far.mark("there")
        far.assembled()


def test_a_machine_whose_calls_are_not_known_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence, "MACHINES", {})
    assert "not known" in fence.raised()
    monkeypatch.setattr(fence, "ctypes", None)
    assert "ctypes" in fence.raised()


@pytest.mark.engine
def test_it_stands_around_all_that_a_container_runs() -> None:
    backend = docker_backend()
    try:
        with backend.open(prepared(backend), contents({"ordinary.py": ORDINARY}), Limits(memory_mb=384)) as box:
            assert box.ask({"kind": "hello"}, seconds=30)["fence"] == "on"
            verdicts(printed(box, asked()))
            start = "import runpy; runpy.run_path('/repo/ordinary.py', run_name='__main__')"
            assert printed(box, start, 60) == "all"
    finally:
        backend.close()

"""Work for tests of executors: functions that other processes import by name. A payload is JSON."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bot.errors import SandboxError
from bot.executors import Ask, Task

kept: list[str] = []
"""What this process has done so far."""


def task(key: str, **payload: Any) -> Task:
    """A task of `toil`."""
    return Task(key, json.dumps({"key": key, **payload}).encode())


def toil(shared: bytes, payload: bytes, ask: Ask) -> bytes:
    """Does what the payload says, and answers with what it was given."""
    given: dict[str, Any] = json.loads(payload)
    log = Path(given["log"]) if "log" in given else None
    begun(log, f"begin {given['key']}")
    kept.append(given["key"])
    for name, value in given.items():
        if name in DEEDS:
            DEEDS[name](value)
    answers = asked(ask, given.get("ask", []))
    begun(log, f"end {given['key']}")
    return json.dumps(
        {
            "key": given["key"],
            "shared": len(shared),
            "answers": answers,
            "pid": os.getpid(),
            "host": os.getppid(),
            "kept": len(kept),
            "environ": dict(os.environ) if given.get("tell") else {},
        }
    ).encode() + b"x" * given.get("size", 0)


def asked(ask: Ask, questions: list[str]) -> list[str]:
    """The answers, all asked at once."""
    if not questions:
        return []
    with ThreadPoolExecutor(len(questions)) as pool:
        return [answer.decode() for answer in pool.map(lambda text: ask(text.encode()), questions)]


def begun(log: Path | None, line: str) -> None:
    """A line in a file that all processes share: one `write`, so that lines stay whole."""
    if log is not None:
        with log.open("a") as file:
            file.write(f"{line}\n")


def sleep(seconds: float) -> None:
    """Waits; an interrupt is noted by a file beside the log."""
    time.sleep(seconds)


def spin(seconds: float) -> None:
    """Uses so much CPU time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def fail_until(path: str) -> None:
    """Fails where the file is not there yet, and makes it."""
    if not Path(path).exists():
        Path(path).touch()
        raise ValueError("not\x1b[31m yet\nsecond line")


def die(how: str) -> None:
    """Ends this process, or the one above it, once or always."""
    whom, _, path = how.partition(" ")
    if path and Path(path).exists():
        return
    if path:
        Path(path).touch()
    os.kill({"me": os.getpid(), "worker": os.getppid()}[whom], signal.SIGKILL)
    threading.Event().wait(30)


def break_engine(words: str) -> None:
    """Fails as work does whose engine does not answer."""
    raise SandboxError(words, slug="engine-unreachable")


def wait_for(path: str) -> None:
    """Waits until the file is there."""
    while not Path(path).exists():
        time.sleep(0.02)


def meet(paths: str) -> None:
    """Comes to one place and waits until somebody is at the other."""
    mine, theirs = paths.split()
    Path(mine).touch()
    wait_for(theirs)


def stubborn(path: str) -> None:
    """Waits for a minute; notes that it was interrupted."""
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        Path(path).touch()
        raise


DEEDS = {
    "sleep": sleep,
    "spin": spin,
    "fail_until": fail_until,
    "fail": break_engine,
    "die": die,
    "wait_for": wait_for,
    "meet": meet,
    "stubborn": stubborn,
    "print": print,
    "exit": os._exit,
}

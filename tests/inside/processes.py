"""Drives the runner and the fork server as the agent does: a process of its own, spoken to over pipes."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

Json = dict[str, Any]


def project(place: Path, files: Mapping[str, str]) -> Path:
    """Writes files into a folder of their own."""
    for name, text in files.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place


def environment() -> dict[str, str]:
    return {
        "PATH": os.defpath,
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def start(home: Path, root: Path, spec: Json, fds: tuple[int, ...]) -> subprocess.Popen[bytes]:
    base = {"root": str(root), "args": ["-p", "no:cacheprovider", f"--rootdir={root}"], "select": None}
    path = root.parent / f"spec-{fds[-1]}-{time.monotonic_ns()}.json"
    path.write_text(json.dumps({**base, **spec, "args": [*base["args"], *spec.get("args", ())]}))
    with path.with_suffix(".out").open("wb") as output:  # a file takes whatever candidates print
        return spawn(home, root, path, fds, output)


def spawn(home: Path, root: Path, path: Path, fds: tuple[int, ...], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, home / "tryline_inside" / "runner.py", f"@{path}"],
        cwd=root,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        pass_fds=fds,
        start_new_session=True,
    )


@dataclass
class Ran:
    """One run to its end."""

    code: int
    events: list[Json]
    output: str

    def of(self, kind: str) -> list[Json]:
        return [event for event in self.events if event["event"] == kind]

    def ends(self) -> dict[str, Json]:
        """What was said of each test, by the part of its id behind the file."""
        return {event["id"].partition("::")[2]: event for event in self.of("end")}


def run(home: Path, root: Path, **spec: Any) -> Ran:
    """Runs a suite and returns what it reported."""
    read_fd, write_fd = os.pipe()
    process = start(home, root, {**spec, "report_fd": write_fd}, (write_fd,))
    os.close(write_fd)
    data = b""
    try:
        with os.fdopen(read_fd, "rb") as stream:
            data = stream.read()
        process.wait(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    output = Path(str(process.args[-1]).lstrip("@")).with_suffix(".out").read_text()
    return Ran(process.returncode, [json.loads(line) for line in data.splitlines()], output)


class Server:
    """A fork server at work."""

    def __init__(self, process: subprocess.Popen[bytes], ask_fd: int, answer_fd: int) -> None:
        self.process = process
        self._ask = ask_fd
        self._answer = answer_fd
        self._numbers = itertools.count(1)
        self._buffer = b""
        self._answers: dict[int, Json] = {}

    def send(self, message: Json) -> int:
        number = next(self._numbers)
        os.write(self._ask, json.dumps({**message, "job": number}).encode() + b"\n")
        return number

    def answer(self, number: int, seconds: float = 30) -> Json:
        until = time.monotonic() + seconds
        while number not in self._answers:
            ready = select.select([self._answer], [], [], max(0.0, until - time.monotonic()))[0]
            assert ready, "no answer in time"
            data = os.read(self._answer, 1 << 20)
            assert data, "the server ended"
            *lines, self._buffer = (self._buffer + data).split(b"\n")
            for line in lines:
                said = json.loads(line)
                if "job" in said:
                    self._answers[said.pop("job")] = said
        return self._answers.pop(number)

    def ask(self, message: Json, seconds: float = 30) -> Json:
        return self.answer(self.send(message), seconds)


@contextlib.contextmanager
def serving(home: Path, root: Path, **spec: Any) -> Iterator[Server]:
    """A fork server that has collected the tests."""
    ask_read, ask_write = os.pipe()
    answer_read, answer_write = os.pipe()
    told = {**spec, "ask_fd": ask_read, "report_fd": answer_write, "args": ["-s", *spec.get("args", ())]}
    process = start(home, root, told, (ask_read, answer_write))
    os.close(ask_read)
    os.close(answer_write)
    try:
        yield Server(process, ask_write, answer_read)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=20)
        os.close(ask_write)
        os.close(answer_read)

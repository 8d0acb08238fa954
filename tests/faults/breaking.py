"""The command in a process of its own, watched by its stages, so that something can break at a chosen moment."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import docker
from repositories import Repository
from sample_runs import TESTS, WRONG

from bot.sandboxes.docker import engine

ROOT = Path(__file__).parents[2]
STAGES = ("find", "prepare", "observe", "prove", "propose", "verify")

# A slip that a built-in edit mends: a boundary, in a change that means to add something.
FEES = """\
def fee(weight{more}):
    extra = {extra}
    if weight {sign} 500:
        return 390 + extra
    return 590 + extra
"""
FEE_TESTS = """\
from fees import fee


def test_light():
    assert fee(100) == 390


def test_boundary():
    assert fee(500) == 390


def test_heavy():
    assert fee(501) == 590
"""


def project(place: Path) -> Repository:
    """A branch that adds a function which is wrong, with the tests that say so."""
    return branched(
        place,
        {"runs.py": '"""Runs."""\n', "test_runs.py": "def test_nothing():\n    pass\n"},
        {"runs.py": WRONG, "test_runs.py": TESTS},
    )


def slip(place: Path) -> Repository:
    """A branch that breaks a function which was right."""
    right = FEES.format(more="", extra="0", sign="<=")
    wrong = FEES.format(more=", express=False", extra="500 if express else 0", sign="<")
    return branched(place, {"fees.py": right, "test_fees.py": FEE_TESTS}, {"fees.py": wrong})


def branched(place: Path, main: dict[str, str | bytes | None], topic: dict[str, str | bytes | None]) -> Repository:
    repository = Repository(place)
    repository.commit(main, "main")
    repository.git("switch", "--quiet", "--create", "topic")
    repository.commit(topic, "topic")
    return repository


QUICK = {
    "TRYLINE_PROVE_BEHAVIOUR": "false",
    "TRYLINE_PROVE_SECURITY": "false",
    "TRYLINE_PROVE_PERFORMANCE": "false",
    "TRYLINE_PROVE_MUTANTS": "0",
}
"""Failing tests are evidence enough: what else could be found takes its time."""


def environ(**more: str) -> dict[str, str]:
    """This machine's environment without settings of ours, but for those that keep a review short."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("TRYLINE_")}
    return {**here, "PYTHONDONTWRITEBYTECODE": "1", **QUICK, **more}


class Running:
    """`tryline review` of the branch, in a process of its own."""

    def __init__(self, repository: Repository, *argv: str, **env: str) -> None:
        self.repository = repository
        self.output = repository.path.parent / "result.json"
        self.output.unlink(missing_ok=True)
        command = [sys.executable, "-m", "bot", "review", "--repo", str(repository.path), "--no-color"]
        command += ["--base", "main", "--head", "topic", "--output", str(self.output), *argv]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environ(**env), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.said: list[str] = []

    def until(self, stage: str) -> bool:
        """Waits for a stage to begin; False where the run ended before it."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.said.append(line)
            if re.match(rf"\s*[\d.]+ s +{stage}\b", line):
                return True
        return False

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Ends the process by a signal, and waits for it."""
        self.process.send_signal(number)
        self.wait()

    def wait(self, seconds: float = 240) -> int:
        """Reads what is left of its words, and gives the exit code."""
        assert self.process.stderr is not None
        self.said += self.process.stderr.readlines()
        self.process.stderr.close()
        return self.process.wait(timeout=seconds)

    @property
    def told(self) -> str:
        return "".join(self.said)

    def result(self) -> Mapping[str, Any]:
        """The result that it wrote to where it was told to; empty where there is none."""
        return json.loads(self.output.read_text()) if self.output.exists() else {}


def saved(repository: Repository) -> list[Mapping[str, Any]]:
    """The results in the state folder, each whole."""
    folder = repository.path / ".git/tryline/results"
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def owned(client: docker.DockerClient, pid: int) -> list[str]:
    """Containers that a process of this machine started."""
    rows = client.api.containers(all=True, filters={"label": [engine.RUN]})
    return [row["Id"][:12] for row in rows if row["Labels"].get(engine.OWNER, "").split(":")[1:2] == [str(pid)]]


def soon(true: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it becomes true."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True

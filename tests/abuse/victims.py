"""Hostile repositories, reviewed by the real command in a process of its own, and what it left on the host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import outside
from repositories import Repository

Files = dict[str, str | bytes | None]
ROOT = Path(__file__).parents[2]

PRICE = "def price(amount, percent):\n    rest = amount - amount * percent // 100\n    return rest\n"
SLIP = PRICE.replace("// 100", "// 10")
TEST_PRICE = """\
from price import price


def test_price():
    assert price(200, 10) == 180


def test_free():
    assert price(50, 0) == 50
"""


@dataclass(frozen=True)
class Reviewed:
    """What a review gave its reader, and the host."""

    code: int
    stdout: str
    stderr: str
    markdown: str
    result: Mapping[str, Any]
    left: tuple[str, ...]
    """Files in the host's temporary folder, containers and images that it did not take with it."""
    seconds: float

    @property
    def everything(self) -> str:
        """All that a reader could be shown."""
        return "\n".join((self.stdout, self.stderr, self.markdown, json.dumps(self.result, ensure_ascii=False)))

    @property
    def findings(self) -> list[str]:
        return [str(finding["function"]) for finding in self.result["findings"]]


class Victim:
    """A repository whose branch is hostile, on a host with secrets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.repo = Repository(folder / "project")
        self.temporary = folder / "tmp"
        self.temporary.mkdir()

    def branch(self, main: Files, topic: Files) -> None:
        """Commits main, then a branch off it."""
        self.repo.commit(main, "main")
        self.repo.git("switch", "--quiet", "--create", "topic")
        self.repo.commit(topic, "topic")

    def review(self, *argv: str, seconds: float = 280, **env: str) -> Reviewed:
        """`tryline review` of the branch, as a build server starts it."""
        report, page = self.folder / "result.json", self.folder / "result.md"
        here = {name: value for name, value in os.environ.items() if not name.startswith("TRYLINE_")}
        here |= {
            f"TRYLINE_PROVE_{name}": "false" for name in ("BEHAVIOUR", "SECURITY", "PERFORMANCE", "ANALYSERS")
        }
        # How a rewrite is found is not the question here.
        here |= {"TRYLINE_BUDGET_CANDIDATES": "12", "TRYLINE_BUDGET_FUNCTION_SECONDS": "5"}
        here |= {"TRYLINE_PROVE_MUTANTS": "0", "TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "bot", "review", "--repo", str(self.repo.path)]
        command += ["--base", "main", "--head", "topic", "--output", str(report), "--output", str(page), *argv]
        began = time.monotonic()
        with subprocess.Popen(
            command, cwd=self.folder, env={**here, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            out, err = process.communicate(timeout=seconds)
        took = time.monotonic() - began
        outside.until(lambda: not outside.of_process(process.pid), 20)
        left = (*outside.of_process(process.pid), *(str(path) for path in self.temporary.rglob("*")))
        return Reviewed(
            process.returncode,
            out.decode(errors="surrogateescape"),
            err.decode(errors="surrogateescape"),
            page.read_text(encoding="utf-8") if page.exists() else "",
            json.loads(report.read_text(encoding="utf-8")) if report.exists() else {},
            left,
            took,
        )

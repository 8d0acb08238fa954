"""How a story is told: an author's repository, the command run on it, and everything that the reader gets."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
from repositories import Repository

from bot import cli

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/result.schema.json").read_text(encoding="utf-8"))
Files = dict[str, str | bytes | None]


@dataclass(frozen=True)
class Told:
    """What one command gave its reader."""

    code: int
    stdout: str
    stderr: str
    markdown: str
    result: Mapping[str, Any]
    """The JSON result, already found valid; empty where the command writes none."""
    seconds: float

    @property
    def finding(self) -> Mapping[str, Any]:
        """The only finding."""
        assert [f["function"] for f in self.result["findings"]] == [f["function"] for f in self.findings[:1]], (
            self.stdout
        )
        assert self.findings, self.stdout + self.stderr
        return self.findings[0]

    @property
    def findings(self) -> list[Mapping[str, Any]]:
        return list(self.result["findings"])

    @property
    def suggestion(self) -> Mapping[str, Any]:
        """The only finding's suggestion."""
        found: Mapping[str, Any] | None = self.finding["suggestion"]
        assert found is not None, self.stdout + self.stderr
        return found


EVERYTHING = {f"TRYLINE_PROVE_{name}": "true" for name in ("BEHAVIOUR", "SECURITY", "PERFORMANCE", "ANALYSERS")}
"""Everything that is looked for by default."""
TESTS_ALONE = dict.fromkeys(EVERYTHING, "false") | {"TRYLINE_PROVE_MUTANTS": "0"}
"""For stories of failing tests: what else could be found has stories of its own, and takes its time."""


def environ() -> dict[str, str]:
    """The environment of the stories: this machine's, without its settings of ours."""
    here = {name: value for name, value in os.environ.items() if not name.startswith("TRYLINE_")}
    return here | TESTS_ALONE


class Author:
    """Somebody with a repository: commits to main, a branch off it, and runs the command."""

    def __init__(self, path: Path) -> None:
        self.repo = Repository(path)

    def main(self, files: Files) -> None:
        """The state that works."""
        self.repo.commit(files, "main")
        self.repo.git("switch", "--quiet", "--create", "topic")

    def topic(self, files: Files) -> None:
        """What the branch makes of it."""
        self.repo.commit(files, "topic")

    def run(self, *argv: str, **env: str) -> Told:
        """One command on the repository; its result is read from the file that `--output` wrote."""
        folder = self.repo.path.parent
        report, page = folder / "result.json", folder / "result.md"
        for file in (report, page):
            file.unlink(missing_ok=True)
        delivers = argv[0] in ("review", "try")
        outputs = ("--output", str(report), "--output", str(page)) if delivers else ()
        out, err = io.StringIO(), io.StringIO()
        began = time.monotonic()
        code = cli.run(
            [*argv, "--repo", str(self.repo.path), "--no-color", *outputs],
            cli.Terminal(out, err, {**environ(), **env}),
        )
        seconds = time.monotonic() - began
        result: Mapping[str, Any] = {}
        if report.exists():
            result = json.loads(report.read_text(encoding="utf-8"))
            jsonschema.Draft202012Validator(SCHEMA).validate(result)
        markdown = page.read_text(encoding="utf-8") if page.exists() else ""
        return Told(code, out.getvalue(), err.getvalue(), markdown, result, seconds)

    def review(self, *argv: str, **env: str) -> Told:
        """`tryline review` of the branch against main."""
        return self.run("review", "--base", "main", "--head", "topic", *argv, **env)

    def accept(self, suggestion: Mapping[str, Any]) -> bytes:
        """Writes a suggestion into the working tree line by line, as a forge does; returns the file's bytes."""
        hunks = sorted((suggestion, *suggestion["also"]), key=lambda hunk: -int(hunk["start_line"]))
        for hunk in hunks:
            place = self.repo.path / str(hunk["path"])
            lines = place.read_bytes().split(b"\n")
            ended = [line + b"\n" for line in lines[:-1]] + lines[-1:]
            ended[hunk["start_line"] - 1 : hunk["end_line"]] = [hunk["replacement"].encode(encoding_of(ended))]
            place.write_bytes(b"".join(ended))
        return (self.repo.path / str(suggestion["path"])).read_bytes()

    def green(self, *argv: str) -> bool:
        """Whether pytest passes on the working tree. Only for the stories' own samples: it runs here."""
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *argv],
            cwd=self.repo.path,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": ".", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
        )
        return done.returncode == 0


def encoding_of(lines: list[bytes]) -> str:
    """The encoding that a sample declares in its first line."""
    return "latin-1" if b"latin-1" in b"".join(lines[:1]) else "utf-8"

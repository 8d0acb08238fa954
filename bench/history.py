"""Reviews the last commits of a real project, each against its parent, and keeps every word that would be said.

    python -m bench.history REPOSITORY [--last 20] [--json FILE] [--set budget.seconds=300]

REPOSITORY is a folder with a clone, or a bare one, which is cloned to a temporary folder. Commits count that touch
a Python file which is no test; merges are skipped. Of each there is a JSON line in FILE (`history.jsonl` without),
and a readable account beside it (`history.md`): what a reader decides precision by. A run that is started again
goes on where the last one ended. No model is used; the project's own configuration counts, as in any review.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bot import review, wiring
from bot.config import FILE_NAME, Given, load, parse
from bot.domain import FunctionReport, Review, Reviewed
from bot.errors import TrylineError
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.render import markdown
from bot.workspace import Workspace

MOST_LOOKED_AT = 50
"""For each commit that is asked for: how many are looked at until as many touch code."""


def commits(folder: Path, last: int) -> tuple[str, ...]:
    """The last commits that touch a Python file which is no test, the oldest first. No merges, no root."""
    found: list[str] = []
    language = Python()
    log = git(
        folder, "log", "--no-merges", f"--max-count={last * MOST_LOOKED_AT}", "--format=%x01%H %P", "--name-only"
    )
    for entry in log.split("\x01")[1:]:
        first, *names = entry.strip().splitlines()
        commit, *parents = first.split()
        touched = [name for name in names if language.owns(name) and not language.is_test(name)]
        if touched and len(parents) == 1:
            found.append(commit)
        if len(found) == last:
            break
    return tuple(reversed(found))


def reviewed(folder: Path, commit: str, flags: Mapping[str, Given]) -> tuple[dict[str, Any], str]:
    """(row, readable text) of one commit."""
    subject = git(folder, "log", "-1", "--format=%s", commit).strip()
    began = time.monotonic()
    row: dict[str, Any] = {"commit": commit, "subject": subject}
    try:
        with Workspace.open(folder, environ=os.environ) as workspace:
            change = workspace.change(f"{commit}^", commit)
            text = workspace.read_at(change.base, FILE_NAME)
            config = load(text, at=change.base.name, environ={}, flags=flags)
            parts = wiring.assemble(config, os.environ)
            result = review.review(parts, workspace, config, Silent(), base=f"{commit}^", head=commit, only=None)
    except TrylineError as error:
        row |= {"conclusion": "failed", "problems": [f"{error.slug}: {error.message}"]}
        row |= {"seconds": round(time.monotonic() - began, 1)}
        return row, f"The review failed: {error.message}\n"
    return row | told(result, time.monotonic() - began), markdown(result)


def told(result: Review, seconds: float) -> dict[str, Any]:
    """What a review said, as plain values."""
    return {
        "conclusion": result.conclusion.value,
        "findings": [finding(item) for item in result.findings],
        "functions": [function(report) for report in result.functions],
        "unproven": [f"{s.function.id}: {s.rule}: {s.message}" for s in result.unproven],
        "not_reviewed": dict(Counter(part.slug for part in result.not_reviewed)),
        "problems": [f"{problem.slug}: {problem.message}" for problem in result.problems],
        "notes": list(result.notes),
        "suite": {side: dict(counts) for side, counts in result.suite.items()},
        "flaky": len(result.flaky),
        "seconds": round(seconds, 1),
        "prepare_seconds": round(result.costs.prepare_seconds, 1),
    }


def finding(item: Reviewed) -> dict[str, Any]:
    """One finding with its rewrite."""
    found, rewrite = item.finding, item.rewrite
    return {
        "function": found.function.id,
        "rule": found.rule,
        "category": found.category.value,
        "severity": found.severity.value,
        "lines": [found.start_line, found.end_line],
        "title": found.title,
        "message": found.message,
        "witness": found.witness.kind,
        "command": found.witness.command,
        "failure": found.witness.failure,
        "rewrite": None if rewrite is None else vars(rewrite.suggestion),
        "label": "" if rewrite is None else rewrite.label,
        "why_no_rewrite": item.why_no_rewrite,
    }


def function(report: FunctionReport) -> dict[str, Any]:
    """One function: how far it was looked at, and where it answers otherwise."""
    return {
        "id": report.function.id,
        "tests": report.tests,
        "calls": report.calls,
        "compared": report.compared,
        "left_alone": report.left_alone,
        "differences": [
            {"kind": d.kind, "arguments": d.arguments, "base": d.base, "head": d.head, "origin": d.origin}
            for d in report.differences
        ],
    }


def git(folder: Path, *args: str) -> str:
    """What git prints. Raises CalledProcessError."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_PAGER": "cat"}
    environ.update(GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
    done = subprocess.run(["git", *args], cwd=folder, env=environ, capture_output=True, check=True)
    return done.stdout.decode("utf-8", "replace")


def cloned(folder: Path, stack: ExitStack) -> Path:
    """The folder itself if it has a working tree; a clone of a bare one."""
    if git(folder, "rev-parse", "--is-bare-repository").strip() != "true":
        return folder
    target = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "clone"
    git(folder, "clone", "--quiet", "--shared", str(folder.resolve()), str(target))
    return target


def summary(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Figures over all rows, a line each."""
    findings = [item for row in rows for item in row.get("findings", ())]
    functions = [item for row in rows for item in row.get("functions", ())]
    yield f"{len(rows)} commits: {dict(Counter(row['conclusion'] for row in rows))}"
    yield f"{len(functions)} functions, {sum(bool(f['tests']) for f in functions)} of them executed by tests"
    yield f"{len(findings)} comments: {dict(Counter(item['rule'] for item in findings))}"
    yield f"{sum(item['rewrite'] is not None for item in findings)} with a rewrite"
    yield f"{sum(len(f['differences']) for f in functions)} differences told in tables"
    yield f"seconds: {sum(row['seconds'] for row in rows):.0f}"


def settings(pairs: Sequence[str]) -> dict[str, Given]:
    """`budget.seconds=300` as a flag gives it. Raises ValueError."""
    flags = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise ValueError(f"{pair} is no NAME=VALUE")
        flags[name] = Given(parse(name, value), f"--set {pair}")
    return flags


def main() -> int:
    """Reviews the commits and writes what was said."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository", type=Path)
    parser.add_argument("--last", type=int, default=20, help="how many commits")
    parser.add_argument("--json", type=Path, default=Path("history.jsonl"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the review")
    asked = parser.parse_args()
    flags = settings(asked.set)
    kept = asked.json.read_text().splitlines() if asked.json.is_file() else []
    rows = {row["commit"]: row for row in map(json.loads, kept)}
    with ExitStack() as stack:
        folder = cloned(asked.repository, stack)
        for commit in commits(folder, asked.last):
            if commit in rows:
                continue
            row, text = reviewed(folder, commit, flags)
            rows[commit] = row
            with asked.json.open("a") as file:
                file.write(json.dumps(row) + "\n")
            with asked.json.with_suffix(".md").open("a") as file:
                file.write(f"\n# {commit[:12]} {row['subject']}\n\n{row['seconds']} s\n\n{text}\n")
            said = ", ".join(f"{item['rule']} in {item['function']}" for item in row.get("findings", ()))
            print(f"{commit[:12]} {row['seconds']:6.1f} s  {row['conclusion']:18} {said}", flush=True)
    print(*summary(tuple(rows.values())), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

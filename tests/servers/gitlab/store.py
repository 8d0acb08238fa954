"""Bare repositories as `servers.github.history` keeps them, with fewer processes: a test makes many of them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from servers.github.history import Content, Repository, git

_SETTINGS = """
[uploadpack]
\tallowAnySHA1InWant = true
\tallowFilter = true
[http]
\treceivepack = true
[gc]
\tauto = 0
[fastimport]
\tunpackLimit = 1
"""
_FOLDERS: list[tempfile.TemporaryDirectory[str]] = []
"""Kept for as long as this process runs."""


@cache
def _empty(branch: str) -> Path:
    """An empty bare repository, to be copied."""
    _FOLDERS.append(tempfile.TemporaryDirectory(prefix="gitlab-double-git-"))
    folder = Path(_FOLDERS[-1].name)
    git(folder, "init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}", ".")
    with (folder / "config").open("a", encoding="utf-8") as config:
        config.write(_SETTINGS)
    return folder


class Store(Repository):
    """One repository."""

    def create(self) -> None:
        """Makes the bare repository."""
        shutil.copytree(_empty(self.default_branch), self.path)

    def tip(self, branch: str) -> str | None:
        """A branch's commit, read from the file that git keeps it in."""
        with contextlib.suppress(OSError, ValueError):
            return (self.path / "refs" / "heads" / branch).read_text(encoding="ascii").strip()
        return self.heads().get(branch)

    def commit_of(self, name: str) -> str | None:
        """The commit that a branch, tag, ref or id names."""
        return (self.tip(name) if name else None) or super().commit_of(name)

    def set_ref(self, ref: str, commit: str) -> None:
        """Moves a ref, by force."""
        file = self.path / ref
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f"{file.name}.fresh")
        fresh.write_text(f"{commit}\n", encoding="ascii")
        fresh.replace(file)

    def commit(self, files: Mapping[str, Content], message: str, parent: str | None, who: str, when: int) -> str:
        """A new commit on a parent (none: a root) with these files changed; its id."""
        person = f"{who} <{who}@users.noreply.localhost> {when} +0000"
        text = message.encode()
        feed = [
            f"commit refs/double/last\nmark :1\nauthor {person}\ncommitter {person}\ndata {len(text)}\n".encode()
        ]
        feed += [text, b"\n", f"from {parent}\n".encode() if parent else b""]
        for path, content in files.items():
            quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
            if content is None:
                feed.append(f"D {quoted}\n".encode())
                continue
            data = content.encode() if isinstance(content, str) else content
            feed += [f"M 100644 inline {quoted}\ndata {len(data)}\n".encode(), data, b"\n"]
        feed.append(b"get-mark :1\n")
        start = b"" if parent else b"reset refs/double/last\n"
        return git(self.path, "fast-import", "--quiet", "--force", feed=start + b"".join(feed)).decode().strip()

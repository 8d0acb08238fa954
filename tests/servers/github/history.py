"""Bare git repositories as the double's storage: commits by plumbing, diffs as GitHub serves them."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

Content = str | bytes | None
"""Of a file; None deletes it."""

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}
_STATUS = {"A": "added", "D": "removed", "M": "modified", "T": "changed", "R": "renamed", "C": "copied"}
_PATCH_LINES = 20_000
_PATCH_BYTES = 500_000


class GitFailed(Exception):
    """Git refused; the message is what it said."""


def git(where: Path, *arguments: str, feed: bytes = b"", **environment: str) -> bytes:
    """What git printed. Raises GitFailed."""
    base = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *arguments],
        cwd=where,
        input=feed,
        capture_output=True,
        env={**base, **_ENVIRONMENT, **environment},
        check=False,
    )
    if done.returncode:
        raise GitFailed(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


@dataclass(frozen=True)
class Row:
    """One line of a patch that shows a line of code."""

    position: int
    """GitHub's `position`: lines below the file's first hunk header."""
    hunk: int
    old: int | None
    new: int | None


@dataclass(frozen=True)
class FilePatch:
    """What a change did to one file."""

    path: str
    previous: str | None
    status: str
    blob: str
    text: str | None
    """From the first hunk header on, without the last line end; None for binary, huge and unchanged content."""
    lines: tuple[str, ...] = ()
    raw: str = ""
    """With git's headers."""

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every line of code that the hunks show."""
        rows, hunk, old, new = [], -1, 0, 0
        for position, line in enumerate(self.lines):
            header = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", line)
            if header:
                hunk, old, new = hunk + 1, int(header[1]), int(header[2])
            elif line.startswith(" "):
                rows.append(Row(position, hunk, old, new))
                old, new = old + 1, new + 1
            elif line.startswith("-"):
                rows.append(Row(position, hunk, old, None))
                old += 1
            elif line.startswith("+"):
                rows.append(Row(position, hunk, None, new))
                new += 1
        return tuple(rows)

    @property
    def additions(self) -> int:
        """Lines that were added."""
        return sum(row.old is None for row in self.rows)

    @property
    def deletions(self) -> int:
        """Lines that were removed."""
        return sum(row.new is None for row in self.rows)

    def row(self, side: str, line: int) -> Row | None:
        """The row that shows a line of the old (LEFT) or new (RIGHT) file."""
        wanted = (row for row in self.rows if (row.new if side == "RIGHT" else row.old) == line)
        return next(wanted, None)

    def hunk_until(self, row: Row) -> str:
        """`diff_hunk`: from the hunk's header to the row."""
        start = max(at for at in range(row.position) if self.lines[at].startswith("@@"))
        return "\n".join(self.lines[start : row.position + 1])


@dataclass
class Repository:
    """One repository; its objects lie in a bare repository on disk."""

    full_name: str
    path: Path
    id: int
    private: bool = False
    default_branch: str = "main"
    parent: str | None = None
    collaborators: dict[str, str] = field(default_factory=dict)
    """Login -> role: admin, maintain, write, triage, read."""
    _patches: dict[tuple[str, str], tuple[FilePatch, ...]] = field(default_factory=dict, repr=False)

    @property
    def owner(self) -> str:
        """Login of the owner."""
        return self.full_name.split("/")[0]

    @property
    def name(self) -> str:
        """Name without owner."""
        return self.full_name.split("/")[1]

    def create(self) -> None:
        """Makes the bare repository."""
        self.path.mkdir(parents=True)
        git(self.path, "init", "--quiet", "--bare", f"--initial-branch={self.default_branch}", ".")
        for name in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter", "http.receivepack"):
            git(self.path, "config", name, "true")
        git(self.path, "config", "gc.auto", "0")

    def commit_of(self, name: str) -> str | None:
        """The commit that a branch, tag, ref or id names."""
        if not name or name.startswith("-"):
            return None
        for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", name):
            try:
                found = git(
                    self.path, "rev-parse", "--quiet", "--verify", "--end-of-options", f"{candidate}^{{commit}}"
                )
            except GitFailed:
                continue
            return found.decode().strip()
        return None

    def heads(self) -> dict[str, str]:
        """Branch -> commit."""
        listed = git(self.path, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads").decode()
        rows = (line.split(" ", 1) for line in listed.splitlines())
        return {name.removeprefix("refs/heads/"): commit for commit, name in rows}

    def commit(self, files: Mapping[str, Content], message: str, parent: str | None, who: str, when: int) -> str:
        """A new commit on a parent (none: a root) with these files changed; its id."""
        with tempfile.TemporaryDirectory() as folder:
            index = str(Path(folder) / "index")
            if parent is not None:
                git(self.path, "read-tree", parent, GIT_INDEX_FILE=index)
            rows = []
            for path, content in files.items():
                if content is None:
                    rows.append(f"0 {'0' * 40}\t{path}\0")
                    continue
                data = content.encode() if isinstance(content, str) else content
                blob = git(self.path, "hash-object", "-w", "--stdin", feed=data).decode().strip()
                rows.append(f"100644 {blob}\t{path}\0")
            feed = "".join(rows).encode()
            git(self.path, "update-index", "-z", "--index-info", feed=feed, GIT_INDEX_FILE=index)
            tree = git(self.path, "write-tree", GIT_INDEX_FILE=index).decode().strip()
        person = {"NAME": who, "EMAIL": f"{who}@users.noreply.github.com", "DATE": f"{when} +0000"}
        env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        parents = ("-p", parent) if parent is not None else ()
        made = git(self.path, "commit-tree", tree, *parents, feed=message.encode(), **env)
        return made.decode().strip()

    def tree(self, base: str | None, rows: Sequence[tuple[str, str, str]]) -> str:
        """A new tree: a base one with these (mode, blob, path); its id."""
        with tempfile.TemporaryDirectory() as folder:
            index = str(Path(folder) / "index")
            if base is not None:
                git(self.path, "read-tree", base, GIT_INDEX_FILE=index)
            feed = "".join(f"{mode} {blob}\t{path}\0" for mode, blob, path in rows).encode()
            git(self.path, "update-index", "-z", "--index-info", feed=feed, GIT_INDEX_FILE=index)
            return git(self.path, "write-tree", GIT_INDEX_FILE=index).decode().strip()

    def commit_tree(self, tree: str, parents: Sequence[str], message: str, who: str, when: int) -> str:
        """A new commit of a tree; its id."""
        person = {"NAME": who, "EMAIL": f"{who}@users.noreply.github.com", "DATE": f"{when} +0000"}
        env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        given = [piece for parent in parents for piece in ("-p", parent)]
        return git(self.path, "commit-tree", tree, *given, feed=message.encode(), **env).decode().strip()

    def merge(self, base: str, head: str, message: str, when: int) -> str | None:
        """A merge commit of both; None where they conflict or have no common history."""
        try:
            tree = git(self.path, "merge-tree", "--write-tree", base, head).decode().split()[0]
        except GitFailed:
            return None
        person = {"NAME": "GitHub", "EMAIL": "noreply@github.com", "DATE": f"{when} +0000"}
        env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        parents = ("-p", base, "-p", head)
        return git(self.path, "commit-tree", tree, *parents, feed=message.encode(), **env).decode().strip()

    def set_ref(self, ref: str, commit: str) -> None:
        """Moves a ref, by force."""
        git(self.path, "update-ref", ref, commit)

    def fetch(self, other: Path, commit: str) -> None:
        """Brings a commit of another repository here."""
        git(self.path, "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(other), commit)

    def has(self, commit: str) -> bool:
        """Whether an object of this id is here."""
        try:
            git(self.path, "cat-file", "-e", commit)
        except GitFailed:
            return False
        return True

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor."""
        try:
            return git(self.path, "merge-base", one, other).decode().strip()
        except GitFailed:
            return None

    def between(self, base: str, head: str) -> list[str]:
        """Commits of head that base lacks, oldest first."""
        return git(self.path, "rev-list", "--reverse", "--topo-order", f"{base}..{head}").decode().split()

    def blob(self, commit: str, path: str) -> bytes | None:
        """A file's content; None where there is no such file."""
        try:
            kind = git(self.path, "cat-file", "-t", f"{commit}:{path}").strip()
            return git(self.path, "cat-file", "blob", f"{commit}:{path}") if kind == b"blob" else None
        except GitFailed:
            return None

    def patches(self, base: str, head: str) -> tuple[FilePatch, ...]:
        """What lies between two commits, file by file, with three lines of context."""
        key = (base, head)
        if key not in self._patches:
            self._patches[key] = tuple(self._read_patches(base, head))
        return self._patches[key]

    def _read_patches(self, base: str, head: str) -> list[FilePatch]:
        common = ("diff-tree", "-r", "-M", "--no-ext-diff", "--no-textconv", "--full-index")
        fields = (
            git(self.path, *common, "--raw", "-z", "--no-abbrev", base, head).decode(errors="replace").split("\0")
        )
        patch = git(self.path, "-c", "core.quotePath=false", *common, "-p", "-U3", "--no-color", base, head)
        sections = re.split(r"(?m)^(?=diff --git )", patch.decode(errors="replace"))[1:]
        files = []
        at = 0
        while at + 1 < len(fields):
            _, _, old_blob, new_blob, letter = fields[at].lstrip(":").split(" ")
            moved = letter[0] in "RC"
            previous, path = (fields[at + 1], fields[at + 2]) if moved else (None, fields[at + 1])
            at += 3 if moved else 2
            raw = "".join(sections.pop(0) for _ in range(2 if letter[0] == "T" else 1) if sections)
            status = _STATUS[letter[0]]
            blob = old_blob if status == "removed" else new_blob
            starts = re.search(r"(?m)^@@ ", raw)
            text = raw[starts.start() :].removesuffix("\n") if starts else None
            lines = tuple(text.split("\n")) if text else ()
            huge = text is not None and (len(lines) > _PATCH_LINES or len(text) > _PATCH_BYTES)
            files.append(
                FilePatch(path, previous, status, blob, None if huge else text, () if huge else lines, raw)
            )
        return files

    def moved(self, old: tuple[str, str], new: tuple[str, str], lines: range) -> int | None:
        """By how much lines of a file have moved from one (commit, path) to another; None where they changed."""
        before, after = self.blob(*old), self.blob(*new)
        if before is None or after is None:
            return None
        if before == after:
            return 0
        with tempfile.TemporaryDirectory() as folder:
            one, two = Path(folder) / "old", Path(folder) / "new"
            one.write_bytes(before)
            two.write_bytes(after)
            command = [
                "git",
                "diff",
                "--no-index",
                "--no-color",
                "--no-ext-diff",
                "-U0",
                "--text",
                str(one),
                str(two),
            ]
            shown = subprocess.run(command, capture_output=True, check=False, env={**os.environ, **_ENVIRONMENT})
        shift = 0
        for found in re.finditer(rb"(?m)^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", shown.stdout):
            start, removed = int(found[1]), int(found[2] or 1)
            added = int(found[4] or 1)
            if not removed:  # something was put in behind line `start`
                if lines.start <= start < lines.stop - 1:
                    return None
                shift += added if start < lines.start else 0
                continue
            if start < lines.stop and lines.start < start + removed:
                return None
            if start < lines.start:
                shift += added - removed
        return shift

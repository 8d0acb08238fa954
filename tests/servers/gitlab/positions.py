"""Where comments stand in a diff, as GitLab finds and follows them: line codes, unfolded and outdated lines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from servers.github.history import GitFailed, Repository, git
from servers.gitlab.state import Refs

_CODE = re.compile(r"[0-9a-f]{40}_\d+_\d+")
_LINES = 5_000
_BYTES = 200_000
_DIFF = ("diff-tree", "-r", "--find-renames=30%", "--no-ext-diff", "--no-textconv", "--full-index")
"""As Gitaly asks; less likeness is enough for a rename than git itself wants."""


@dataclass(frozen=True)
class Line:
    """One line of code of a diff."""

    old: int | None
    """None of a line that was added."""
    new: int | None
    """None of a line that was removed."""
    old_pos: int
    """The same, running on: what line codes are made of."""
    new_pos: int

    @property
    def kind(self) -> str | None:
        """`new`, `old`, or None of an unchanged one."""
        return "new" if self.old is None else "old" if self.new is None else None


@dataclass(frozen=True)
class FileDiff:
    """What a change did to one file."""

    old_path: str
    new_path: str
    a_mode: str
    b_mode: str
    letter: str
    diff: str
    """From the first hunk header on; empty for binary and unchanged content."""
    old_lines: int
    """Of the whole file at base."""

    @property
    def new_file(self) -> bool:
        """Whether it was added."""
        return self.letter == "A"

    @property
    def deleted_file(self) -> bool:
        """Whether it was deleted."""
        return self.letter == "D"

    @property
    def renamed_file(self) -> bool:
        """Whether it has another path now."""
        return self.letter == "R"

    @property
    def too_large(self) -> bool:
        """Whether GitLab shows no lines of it."""
        return len(self.diff) > _BYTES or self.diff.count("\n") > _LINES

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """Every line of code that the hunks show."""
        found, old, new = [], 0, 0
        for line in self.diff.split("\n"):
            header = re.match(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@", line)
            if header:
                old, new = int(header[1]), int(header[2])
            elif line.startswith(" "):
                found.append(Line(old, new, old, new))
                old, new = old + 1, new + 1
            elif line.startswith("-"):
                found.append(Line(old, None, old, new))
                old += 1
            elif line.startswith("+"):
                found.append(Line(None, new, old, new))
                new += 1
        return tuple(found)

    def line(self, old: int | None, new: int | None) -> Line | None:
        """The line of these numbers, also one that has to be unfolded; None where the diff has no such line."""
        shown = next((line for line in self.lines if (line.old, line.new) == (old, new)), None)
        if shown or old is None or new is None or self.new_file or self.deleted_file:
            return shown
        if (
            not self.lines
            or old > self.old_lines
            or any(old == line.old or new == line.new for line in self.lines)
        ):
            return None
        before = [line for line in self.lines if line.old_pos < old]
        shift = 0 if not before else _after(before[-1])
        return Line(old, new, old, new) if new == old + shift else None

    def code(self, line: Line) -> str:
        """GitLab's name for a line."""
        return f"{hashlib.sha1(self.new_path.encode()).hexdigest()}_{line.old_pos}_{line.new_pos}"


def _after(line: Line) -> int:
    """How far unchanged lines behind this one have moved."""
    old = line.old_pos + (line.old is not None)
    new = line.new_pos + (line.new is not None)
    return new - old


def diffs(repository: Repository, base: str, head: str, paths: Sequence[str] = ()) -> tuple[FileDiff, ...]:
    """What lies between two commits, file by file. Raises GitFailed where one is not there."""
    return _diffs(repository.path, base, head, tuple(paths))


@lru_cache(1_000)
def _diffs(where: Path, base: str, head: str, paths: tuple[str, ...]) -> tuple[FileDiff, ...]:
    behind = ("--", *paths) if paths else ()
    raw = git(where, *_DIFF, "--raw", "-z", "--no-abbrev", base, head, *behind)
    fields = raw.decode(errors="replace").split("\0")
    patch = git(where, "-c", "core.quotePath=false", *_DIFF, "-p", "-U3", "--no-color", base, head, *behind)
    sections = re.split(r"(?m)^(?=diff --git )", patch.decode(errors="replace"))[1:]
    files, at = [], 0
    while at + 1 < len(fields):
        a_mode, b_mode, old_blob, _, letter = fields[at].lstrip(":").split(" ")
        moved = letter[0] == "R"
        old, new = (fields[at + 1], fields[at + 2]) if moved else (fields[at + 1], fields[at + 1])
        at += 3 if moved else 2
        text = "".join(sections.pop(0) for _ in range(2 if letter[0] == "T" else 1) if sections)
        starts = re.search(r"(?m)^@@ ", text)
        old_lines = 0
        if letter[0] in "MR":
            old_lines = len(git(where, "cat-file", "blob", old_blob).splitlines())
        shown = text[starts.start() :] if starts else ""
        modes = tuple("0" if set(mode) == {"0"} else mode for mode in (a_mode, b_mode))
        files.append(FileDiff(old, new, *modes, letter[0], shown, old_lines))
    return tuple(files)


def file_of(repository: Repository, position: Mapping[str, Any]) -> FileDiff | None:
    """The file that a position is about: the first of the diff of its two paths."""
    paths = [path for path in dict.fromkeys((position.get("old_path"), position.get("new_path"))) if path]
    if not paths:
        return None
    try:
        found = diffs(repository, position["base_sha"], position["head_sha"], paths)
    except GitFailed:
        return None
    return found[0] if found else None


def line_code(repository: Repository, position: Mapping[str, Any]) -> str | None:
    """GitLab's name for a position's line; None where there is no such line in its diff."""
    file = file_of(repository, position)
    line = file.line(position.get("old_line"), position.get("new_line")) if file else None
    return file.code(line) if file and line else None


def complaints(repository: Repository, position: Mapping[str, Any]) -> str:
    """Why GitLab does not take a position, in Ruby's words; empty where it does."""
    wrong = []
    ends = position.get("line_range")
    coded = ends is None or all(
        _CODE.fullmatch(str((ends.get(end) or {}).get("line_code"))) for end in ("start", "end")
    )
    if line_code(repository, position) is None or not coded:
        wrong.append(':line_code=>["can\'t be blank", "must be a valid line code"]')
    paths, lines = ("new_path", "old_path"), ("new_line", "old_line")
    if not any(position.get(path) for path in paths) or not any(position.get(line) for line in lines):
        wrong.append(':position=>["is incomplete"]')
    return f"{{{', '.join(wrong)}}}" if wrong else ""


def misread(repository: Repository, position: Mapping[str, Any]) -> list[str]:
    """What GitLab takes, its documentation does not, or what it shows wrong: a path that is not given, ends of a
    range that are no lines of the diff, or in the wrong order."""
    ends = position.get("line_range")
    wrong = [f"position[{path}] is required" for path in ("old_path", "new_path") if not position.get(path)]
    file = file_of(repository, position) if ends else None
    if not ends or file is None:
        return wrong
    numbers = []
    for name in ("start", "end"):
        end = ends.get(name) or {}
        code = str(end.get("line_code", ""))
        if not _CODE.fullmatch(code):
            continue
        old, new = (int(number) for number in code.split("_")[1:])
        tries = (file.line(old, new), file.line(None, new), file.line(old, None))
        line = next((one for one in tries if one and file.code(one) == code), None)
        if line is None:
            wrong.append(f"line_range[{name}][line_code] {code} is no line of the diff")
        elif end.get("type") != ("new" if line.kind == "new" else "old"):
            wrong.append(
                f"line_range[{name}][type] of a line that is {line.kind or 'unchanged'}: {end.get('type')}"
            )
        numbers.append((old, new))
    if len(numbers) == 2 and not wrong:
        if not (numbers[0][0] <= numbers[1][0] and numbers[0][1] <= numbers[1][1]):
            wrong.append("line_range ends before it starts")
        if ends["end"]["line_code"] != line_code(repository, position):
            wrong.append("line_range ends on another line than the comment's")
    return wrong


def traced(repository: Repository, position: Mapping[str, Any], to: Refs) -> dict[str, Any] | None:
    """A position after a push; None where its line is gone, so that it is outdated."""
    base, head = position["base_sha"], position["head_sha"]
    old_path, new_path = position["old_path"], position["new_path"]
    old, new = position.get("old_line"), position.get("new_line")
    moved = {**position, **to.shas()}
    if old is None:  # an added line
        there = _renamed(repository, head, to.head, new_path)
        line = _mapped(repository, (head, new_path), (to.head, there), new)
        if line is None:
            return None
        back = _origin(repository, to, there)
        was = _mapped(repository, (to.head, there), (to.base, back), line)
        moved |= {"old_path": back, "new_path": there, "old_line": was, "new_line": line}
        return moved if was is None or line_code(repository, moved) else None
    before = _renamed(repository, base, to.base, old_path)
    kept = _mapped(repository, (base, old_path), (to.base, before), old)
    if new is None:  # a removed line
        after = _renamed(repository, to.base, to.head, before)
        if kept is None or _mapped(repository, (to.base, before), (to.head, after), kept) is not None:
            return None
        return moved | {"old_path": before, "new_path": after, "old_line": kept, "new_line": None}
    there = _renamed(repository, head, to.head, new_path)
    line = _mapped(repository, (head, new_path), (to.head, there), new)
    if line is None:
        return None
    moved |= {"old_path": before, "new_path": there, "old_line": kept, "new_line": line}
    return moved if kept is None or line_code(repository, moved) else None


def _renamed(repository: Repository, old: str, new: str, path: str) -> str:
    return next((file.new_path for file in diffs(repository, old, new) if file.old_path == path), path)


def _origin(repository: Repository, refs: Refs, path: str) -> str:
    return next((file.old_path for file in diffs(repository, refs.base, refs.head) if file.new_path == path), path)


def _mapped(repository: Repository, old: tuple[str, str], new: tuple[str, str], line: int) -> int | None:
    shift = repository.moved(old, new, range(line, line + 1))
    return None if shift is None else line + shift

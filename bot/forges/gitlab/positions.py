"""Lines of a diff as GitLab wants them named: by both of their numbers, and by codes made of a path's digest.

Whatever is named otherwise is refused (`line_code can't be blank`). So a line that was added has its new number
alone, and one that is unchanged has both; a comment on several lines names the first and the last by codes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bot.diff import hunks
from bot.domain import FileDiff, FileStatus, Hunk
from bot.forges.gitlab.shapes import Change, Position, Refs


@dataclass(frozen=True)
class Row:
    """A line of head's file in a diff."""

    new: int
    old: int
    """Its number at base; of an added line, that of base's next line."""
    added: bool


def file_of(change: Change) -> FileDiff:
    """A file of a diff as GitLab tells of it; without hunks where it does not show them, or cuts them."""
    if change.new_file:
        status = FileStatus.ADDED
    elif change.deleted_file:
        status = FileStatus.DELETED
    else:
        status = FileStatus.RENAMED if change.renamed_file else FileStatus.MODIFIED
    return FileDiff(
        path=change.old_path if change.deleted_file else change.new_path,
        old_path=None if change.new_file else change.old_path,
        status=status,
        hunks=_hunks(change.diff or ""),
        mode=(change.a_mode if change.deleted_file else change.b_mode) or "100644",
    )


def _hunks(text: str) -> tuple[Hunk, ...]:
    try:
        return hunks(text if text.endswith("\n") or not text else f"{text}\n")
    except ValueError:  # cut by GitLab
        return ()


def row(file: FileDiff, line: int) -> Row:
    """The line of this number at head; one that no hunk shows is unchanged, and only moved."""
    shift = 0
    for hunk in file.hunks:
        # A hunk that has no lines of a side begins behind the line that it names.
        if line < hunk.new_start + (not hunk.new_count):
            break
        old = hunk.old_start
        for each in hunk.lines:
            if each.new == line:
                return Row(line, old if each.old is None else each.old, each.old is None)
            old += each.old is not None
        after_old = hunk.old_start + (hunk.old_count or 1)
        after_new = hunk.new_start + (hunk.new_count or 1)
        shift = after_old - after_new
    return Row(line, line + shift, False)


def line_code(path: str, at: Row) -> str:
    """GitLab's name of a line of a diff."""
    # No secret: it is how GitLab names lines.
    digest = hashlib.sha1(path.encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()
    return f"{digest}_{at.old}_{at.new}"


def position(
    files: Sequence[FileDiff], refs: Refs, path: str, line: int, start: int | None
) -> dict[str, Any] | None:
    """Where a comment on these lines of head's file stands, as a request says it; None where GitLab shows no
    lines of the file."""
    file = next((each for each in files if each.path == path), None)
    if file is None or file.status is FileStatus.DELETED or not file.hunks:
        return None
    last = row(file, line)
    told: dict[str, Any] = {
        "position_type": "text",
        "base_sha": refs.base_sha,
        "start_sha": refs.start_sha,
        "head_sha": refs.head_sha,
        "old_path": file.old_path or path,
        "new_path": path,
        "new_line": line,
    }
    if not last.added:
        told["old_line"] = last.old
    if start is not None and start < line:
        told["line_range"] = {"start": _end(path, row(file, start)), "end": _end(path, last)}
    return told


def _end(path: str, at: Row) -> dict[str, Any]:
    return {"line_code": line_code(path, at), "type": "new" if at.added else "old"}


def lines(position: Position) -> tuple[int | None, int | None]:
    """The last line of a comment at its head, and the first one of several.

    GitLab moves the last line along with later pushes, but not the range: of that only the length holds.
    """
    last = position.new_line
    span = position.line_range
    if last is None or span is None or span.start is None or span.end is None:
        return last, None
    first, end = _new(span.start.line_code, span.start.new_line), _new(span.end.line_code, span.end.new_line)
    if first is None or end is None or not 0 < end - first < last:
        return last, None
    return last, last - (end - first)


def _new(code: str | None, line: int | None) -> int | None:
    if code is not None:
        number = code.rpartition("_")[2]
        if number.isascii() and number.isdigit() and len(number) < 10:
            return int(number)
    return line

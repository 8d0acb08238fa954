"""What git says about two trees, as values: raw entries and a patch in, files out. Pure; the home of unidiff."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from unidiff.errors import UnidiffParseError
from unidiff.patch import Hunk as PatchHunk
from unidiff.patch import PatchSet

from bot.domain import DiffLine, FileDiff, FileStatus, Hunk

_STATUS = {
    "A": FileStatus.ADDED,
    "M": FileStatus.MODIFIED,
    "D": FileStatus.DELETED,
    "R": FileStatus.RENAMED,
    "C": FileStatus.COPIED,
    "T": FileStatus.TYPE_CHANGED,
}


@dataclass(frozen=True)
class Block:
    """One uninterrupted run of removed and added lines."""

    old: tuple[int, ...]
    """Removed lines of the old file."""
    new: tuple[int, ...]
    """Added lines of the new file."""
    beside: tuple[int, ...]
    """For a pure deletion: the lines of the new file that now stand before and after the gap."""


def parse(raw: bytes, patch: bytes) -> tuple[FileDiff, ...]:
    """The files of a change, from `git diff-tree --raw -z` and `git diff-tree --patch` over the same trees.

    Names, modes and kinds come from the raw entries alone: a patch repeats names in a form that spaces, quotes
    and prefixes make ambiguous. Lines end at `\\n` only; bytes that are not UTF-8 come back as surrogates.
    Raises ValueError when the two texts do not belong together.
    """
    sections = _sections(patch.decode("utf-8", "surrogateescape"))
    files = tuple(_file(entry, sections) for entry in _entries(raw))
    if next(sections, None) is not None:
        raise ValueError("the patch describes more files than the raw diff")
    return files


def hunks(text: str) -> tuple[Hunk, ...]:
    """The hunks of one file's part of a unified diff; what stands before the first `@@` is not read.

    Raises ValueError when a hunk is not what its header says.
    """
    start = 0 if text.startswith("@@ ") else text.find("\n@@ ") + 1
    if not text.startswith("@@ ", start):
        return ()
    # StringIO splits at \n only, which str.splitlines (form feed, U+2028, ...) would not.
    lines = io.StringIO("--- a/f\n+++ b/f\n" + text[start:])
    try:
        patched = PatchSet(lines)
    except UnidiffParseError as error:
        raise ValueError(f"not a unified diff: {error}") from error
    return tuple(_hunk(hunk) for hunk in patched[0])


def blocks(file: FileDiff) -> tuple[Block, ...]:
    """The runs of changed lines of a file, in order."""
    return tuple(block for hunk in file.hunks for block in _blocks(hunk))


def changed_lines(file: FileDiff) -> frozenset[int]:
    """Lines of the new file that the change added or rewrote; for a pure deletion the lines beside the gap."""
    return frozenset(line for block in blocks(file) for line in (block.new or block.beside))


@dataclass(frozen=True)
class _Entry:
    old_mode: str
    new_mode: str
    status: FileStatus
    old_path: str
    path: str


def _entries(raw: bytes) -> Iterator[_Entry]:
    """Entries of `--raw -z`: `:mode mode id id STATUS`, then one path, or two for a rename or a copy."""
    fields = iter(raw.decode("utf-8", "surrogateescape").split("\0"))
    for head in fields:
        if not head:
            continue
        old_mode, new_mode, _, _, letter = head.removeprefix(":").split(" ")
        if letter[:1] not in _STATUS:
            raise ValueError(f"git reports a file as {letter!r}, which no diff of two trees contains")
        first = next(fields)
        second = next(fields) if letter[0] in "RC" else first
        yield _Entry(old_mode, new_mode, _STATUS[letter[0]], first, second)


def _sections(patch: str) -> Iterator[str]:
    """The patch cut before each `diff --git`. A line of content never starts so: it has a prefix column."""
    starts = [match.start() for match in re.finditer(r"^diff --git ", patch, re.MULTILINE)]
    for start, end in itertools.pairwise([*starts, len(patch)]):
        yield patch[start:end]


def _file(entry: _Entry, sections: Iterator[str]) -> FileDiff:
    # A file that becomes a symlink is described by two sections: one deletes, one creates.
    count = 2 if entry.status is FileStatus.TYPE_CHANGED else 1
    texts = [text for _, text in zip(range(count), sections, strict=False)]
    if len(texts) < count:
        raise ValueError("the patch describes fewer files than the raw diff")
    deleted = entry.status is FileStatus.DELETED
    return FileDiff(
        path=entry.path,
        old_path=None if entry.status is FileStatus.ADDED else entry.old_path,
        status=entry.status,
        hunks=tuple(hunk for text in texts for hunk in hunks(text)),
        binary=any(re.search(r"^Binary files .* differ$", _header(text), re.MULTILINE) for text in texts),
        mode=entry.old_mode if deleted else entry.new_mode,
    )


def _header(section: str) -> str:
    """What stands before the first hunk."""
    return section.split("\n@@ ", 1)[0]


def _hunk(hunk: PatchHunk) -> Hunk:
    lines = tuple(
        DiffLine(line.source_line_no, line.target_line_no, line.value.removesuffix("\n"))
        for line in hunk
        if line.is_added or line.is_removed or line.is_context
    )
    return Hunk(hunk.source_start, hunk.source_length, hunk.target_start, hunk.target_length, lines)


def _blocks(hunk: Hunk) -> Iterator[Block]:
    old: list[int] = []
    new: list[int] = []
    before: int | None = None
    for line in (*hunk.lines, None):
        context = line is None or (line.old is not None and line.new is not None)
        if context and (old or new):
            after = line.new if line is not None else None
            beside = tuple(n for n in (before, after) if n is not None)
            yield Block(tuple(old), tuple(new), () if new else beside)
            old, new = [], []
        if line is None:
            return
        if context:
            before = line.new
        elif line.old is not None:
            old.append(line.old)
        elif line.new is not None:
            new.append(line.new)

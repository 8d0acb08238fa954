"""Suggested changes as GitLab applies them: a fence of the comment's Markdown takes the place of its lines."""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt

MOST = 100
"""Lines above, and lines below, that a suggestion may reach."""


class SuggestionRefused(Exception):
    """The button is not there, or does nothing; the message is the one that GitLab shows."""


@dataclass(frozen=True)
class Suggestion:
    """One block: which lines it replaces, and with what."""

    first: int
    last: int
    old: bytes
    new: bytes
    single: bool


def blocks(body: str) -> list[tuple[str, int, int]]:
    """Text, lines above and lines below of every suggestion block, as a CommonMark parser reads it."""
    found = []
    for token in MarkdownIt("commonmark").parse(body):
        name, colon, lines = (
            (token.info.split() or [""])[0].partition(":") if token.type == "fence" else ("", "", "")
        )
        if name != "suggestion":
            continue
        # Where the numbers are none that GitLab knows, the block replaces the comment's line alone.
        reach = re.fullmatch(r"(?:-(\d+))?(?:\+(\d+))?", lines) if colon else None
        above, below = (int(reach[1] or 0), int(reach[2] or 0)) if reach else (0, 0)
        found.append((token.content, min(above, MOST), min(below, MOST)))
    return found


def suggestions(body: str, line: int, content: bytes) -> list[Suggestion]:
    """What the blocks of a comment on this line of a file with this content would do."""
    lines = re.findall(rb"[^\n]*\n|[^\n]+", content)
    made = []
    for text, above, below in blocks(body):
        first, last = max(1, line - above), min(len(lines), line + below)
        old = b"".join(lines[first - 1 : last])
        # The line ends inside of a block are its own; the last one is what the last replaced line has.
        end = re.search(rb"\r\n|\r|\n", lines[last - 1]) if last and lines else None
        inner = text.removesuffix("\n").encode()
        new = inner + (end[0] if end else b"") if text.strip() else b""
        made.append(Suggestion(first, last, old, new, above == below == 0))
    return made


def applied(content: bytes, chosen: Suggestion) -> bytes:
    """The file after the button was pressed. Raises SuggestionRefused where nothing would change."""
    if chosen.old == chosen.new:
        raise SuggestionRefused("This suggestion already matches its content.")
    lines = re.findall(rb"[^\n]*\n|[^\n]+", content)
    return b"".join((*lines[: chosen.first - 1], chosen.new, *lines[chosen.last :]))

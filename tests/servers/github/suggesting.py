"""Suggested changes as GitHub applies them: a fence of the comment's Markdown takes the place of its lines."""

from __future__ import annotations

from markdown_it import MarkdownIt

from servers.github.history import FilePatch
from servers.github.state import ReviewComment


class SuggestionRefused(Exception):
    """The button is not there; the message is the one that GitHub shows."""


def suggestions(body: str) -> list[str]:
    """The text of every suggestion block of a comment, in order, as a CommonMark parser reads it."""
    tokens = MarkdownIt("commonmark").parse(body)
    fences = (token for token in tokens if token.type == "fence")
    return [fence.content for fence in fences if fence.info.split()[:1] == ["suggestion"]]


def applied(content: bytes, comment: ReviewComment, patches: tuple[FilePatch, ...], which: int = 0) -> bytes:
    """The file after the button was pressed. Raises SuggestionRefused."""
    blocks = suggestions(comment.body)
    if not blocks:
        raise SuggestionRefused("The comment holds no suggestion.")
    if comment.line is None:
        raise SuggestionRefused("Outdated suggestions cannot be applied.")
    start, end = comment.start_line or comment.line, comment.line
    patch = next((patch for patch in patches if patch.path == comment.path), None)
    first, last = (patch.row("RIGHT", start), patch.row("RIGHT", end)) if patch else (None, None)
    if comment.side == "LEFT" or comment.start_side == "LEFT" or patch is None or first is None or last is None:
        raise SuggestionRefused("Applying suggestions on deleted lines is not supported.")
    if any(row.new is None and first.position < row.position < last.position for row in patch.rows):
        raise SuggestionRefused("Applying suggestions on deleted lines is not supported.")
    lines = content.split(b"\n")
    replacement = blocks[which].encode().split(b"\n")[:-1]
    if [line.removesuffix(b"\r") for line in lines[start - 1 : end]] == replacement:
        raise SuggestionRefused("This suggestion is invalid because no changes were made to the code.")
    whole = lines[: start - 1] + replacement + lines[end:]
    if end == len(lines):  # the file's last line had no end, and gets one
        whole.append(b"")
    return b"\n".join(whole)

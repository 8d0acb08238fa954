"""A function's text as lines: edits applied, differences counted."""

from __future__ import annotations

import difflib

from bot.domain import Edit


def apply(source: str, edit: Edit) -> str:
    """The source with an edit applied; always ends in a line feed."""
    lines = source.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    lines[edit.start - 1 : edit.end - 1] = edit.lines
    return "\n".join(lines) + "\n"


def line_count(source: str) -> int:
    """Lines of a text that ends in a line feed."""
    return source.count("\n")


def changed_lines(one: str, other: str) -> int:
    """How many lines differ, the larger side of each hunk counted: the size of a diff."""
    matcher = difflib.SequenceMatcher(None, one.split("\n"), other.split("\n"), autojunk=False)
    return sum(max(a2 - a1, b2 - b1) for tag, a1, a2, b1, b2 in matcher.get_opcodes() if tag != "equal")


def hunks_between(head: str, base: str) -> tuple[Edit, ...]:
    """The hunks that turn head into base, each as an edit of head on its own."""
    new, old = head.split("\n")[:-1], base.split("\n")[:-1]
    matcher = difflib.SequenceMatcher(None, new, old, autojunk=False)
    return tuple(
        Edit(a1 + 1, a2 + 1, tuple(old[b1:b2])) for tag, a1, a2, b1, b2 in matcher.get_opcodes() if tag != "equal"
    )


def normal_ends(text: str) -> str:
    """Line feeds only, one at the end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"

"""Examples in a docstring, read as asserts: doctest's own form, and `f(1) == 2`, `f(1) -> 2` in running text."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator

MOST = 8
ARROWS = re.compile(r"\s*(?:==>|=>|➞|->|→|==|=|should return|returns?)\s*")
LONGEST = 20_000
GOES_ON = tuple("+-*/%=<>\"'([{")
"""What, behind a value, says that it is part of a larger one."""


def docstring(text: str, name: str) -> str:
    """The docstring of a function in a text that ends in its header and docstring; '' where there is none."""
    try:
        tree = ast.parse(text.rstrip() + "\n    pass\n")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    function = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name), None)
    return ast.get_docstring(function, clean=True) or "" if function is not None else ""


def asserts(text: str, name: str) -> tuple[str, ...]:
    """Asserts, as Python, for the examples of a docstring that call `name`; each once, in order."""
    text = text[:LONGEST]
    found = list(_doctests(text, name)) or list(_told(text, name))
    return tuple(dict.fromkeys(found))[:MOST]


def _doctests(text: str, name: str) -> Iterator[str]:
    try:
        given = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return
    for example in given:
        call, wanted = _expression(example.source), _literal(example.want)
        if call is not None and wanted is not None and _is_call(call, name):
            yield f"assert {ast.unparse(call)} == {wanted}"


def _told(text: str, name: str) -> Iterator[str]:
    """`f(1, 2) == 3` in the lines of a text."""
    for line in text.split("\n"):
        for match in re.finditer(rf"(?<![\w.]){re.escape(name)}\(", line):
            end = _closing(line, match.end() - 1)
            arrow = ARROWS.match(line, end) if end else None
            call = _expression(line[match.start() : end]) if arrow is not None else None
            if arrow is None or call is None or not _plain_call(call):
                continue
            wanted = _longest_literal(line[arrow.end() :])
            if wanted is not None:
                yield f"assert {ast.unparse(call)} == {wanted}"


def _closing(line: str, start: int) -> int:
    """One past the bracket that closes the one at `start`, those in strings passed over; 0 where none does."""
    depth, quote, index = 0, "", start
    while index < len(line):
        letter = line[index]
        if quote:
            if letter == "\\":
                index += 1
            elif letter == quote:
                quote = ""
        elif letter in "\"'":
            quote = letter
        elif letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth == 0:
                return index + 1
        index += 1
    return 0


def _longest_literal(rest: str) -> str | None:
    """The longest literal that a text begins with, as Python; None where there is none."""
    rest = rest[:400]
    for end in range(len(rest), 0, -1):
        found = _literal(rest[:end])
        # `f(1) = 2, f(2) = 4`: a comma between sentences makes no tuple.
        if found is not None and (found[0] != "(" or rest.startswith("(")):
            # `f(1) = 3 - 1 = 2` and a text with one quote too many: what was read is only a part.
            after = rest[end:]
            return None if after[:1].isalnum() or after.lstrip()[:1] in GOES_ON else found
    return None


def _expression(text: str) -> ast.expr | None:
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _literal(text: str) -> str | None:
    """A text that is a plain Python value, written out again; None where it is none."""
    try:
        value = ast.literal_eval(text.strip())
        return ast.unparse(ast.parse(repr(value), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None


def _is_call(node: ast.expr, name: str) -> bool:
    return any(
        isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name for n in ast.walk(node)
    )


def _plain_call(node: ast.expr) -> bool:
    """Whether every argument of a call is a plain value: running text may name parameters instead."""
    if not isinstance(node, ast.Call):
        return False
    return all(
        _literal(ast.unparse(value)) is not None for value in (*node.args, *(k.value for k in node.keywords))
    )

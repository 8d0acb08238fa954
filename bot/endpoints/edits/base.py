"""Pieces of the version before the change: each way in which a line of head could be brought nearer to base."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator

from bot.endpoints.edits.site import Raw, demand, level
from bot.endpoints.edits.text import Place, Splice, Text, tell, tell_header


class BaseView:
    """A function at head beside its counterpart at base, statement by statement and line by line."""

    def __init__(self, head: Text, base: Text) -> None:
        self.head, self.base = head, base
        self.counterpart: dict[int, Place] = {}
        """Order of a head statement -> the base statement in its place, if it says something else."""
        self._align()
        self._hunks = tuple(self._line_hunks())

    def edits(self, place: Place) -> Iterator[Raw]:
        """Edits of one statement towards base."""
        other = self.counterpart.get(place.order)
        if other is not None:
            yield from self._pieces(place, other)
        for owner, raw in self._hunks:
            if owner == place.order:
                yield raw

    # ----------------------------------------------------------------------------------------- statements

    def _align(self) -> None:
        heads, bases = self.head.places, self.base.places
        one = [(p.depth, p.name, tell_header(p.node)) for p in heads]
        other = [(p.depth, p.name, tell_header(p.node)) for p in bases]
        matcher = difflib.SequenceMatcher(None, one, other, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "replace":
                self._pair(heads[i1:i2], bases[j1:j2])

    def _pair(self, heads: tuple[Place, ...], bases: tuple[Place, ...]) -> None:
        """Pairs the statements of a changed stretch in order, the likest first."""
        scores = [
            (_likeness(self.head, one, self.base, other), -abs(i - j), i, j)
            for i, one in enumerate(heads)
            for j, other in enumerate(bases)
        ]
        paired: dict[int, int] = {}
        for score, _, i, j in sorted(scores, reverse=True):
            crossing = any((i - a) * (j - b) <= 0 for a, b in paired.items())
            if score > 0.3 and not crossing:
                paired[i] = j
        for i, place in enumerate(heads):
            if i in paired:
                self.counterpart[place.order] = bases[paired[i]]

    def _pieces(self, place: Place, other: Place) -> Iterator[Raw]:
        if type(place.node) is not type(other.node):
            return
        pairs = list(_differences(place.node, other.node))
        splices = []
        for one, new, parent, field in pairs:
            splice = self._put(one, new, parent, field)
            splices.append(splice)
            yield Raw("base-piece", 1.0 if len(pairs) > 1 else 1.5, (splice,))
        if len(pairs) > 1:
            yield Raw("restore-base", 1.0, tuple(splices))

    def _put(self, old: ast.expr, new: ast.expr, parent: ast.AST, field: str) -> Splice:
        text = self.base.segment(new)
        if level(new) < demand(parent, field) and self.head.parenthesised(old) is None:
            text = f"({text})"
        return Splice(self.head.start(old), self.head.end(old), text.encode())

    # ---------------------------------------------------------------------------------------------- lines

    def _line_hunks(self) -> Iterator[tuple[int, Raw]]:
        """Hunks of lines put back as they were, each for the first statement that it touches."""
        own, other = _indent(self.head), _indent(self.base)
        heads = self.head.lines
        bases = [own + row[len(other) :] if row.startswith(other) else row for row in self.base.lines]
        matcher = difflib.SequenceMatcher(
            None, [r.rstrip() for r in heads], [r.rstrip() for r in bases], autojunk=False
        )
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal":
                continue
            for first, last, rows in _parts(i1, i2, bases[j1:j2]):
                owner = self._owner(first, last)
                if owner is not None:
                    yield (
                        owner,
                        Raw(
                            "restore-base",
                            1.0 / max(1, len(rows), last - first),
                            (self._rows(first, last, rows),),
                            whole=True,
                        ),
                    )

    def _owner(self, first: int, last: int) -> int | None:
        """The statement on which a hunk of lines (0-based, end exclusive) is proposed."""
        starts = [(self.head.first_line(place.node) - 1, place.order) for place in self.head.places]
        within = [order for line, order in starts if first <= line < max(last, first + 1)]
        following = [order for line, order in starts if line >= first]
        return next(iter([*within, *following, *(order for _, order in starts[-1:])]), None)

    def _rows(self, first: int, last: int, rows: list[str]) -> Splice:
        text = self.head
        if first < len(text.lines):
            start = text.line_start(first + 1)
            ends = last >= len(text.lines)
            end = len(text.data) if ends else text.line_start(last + 1)
            new = "\n".join(rows) if ends else "".join(f"{row}\n" for row in rows)
            return Splice(start, end, new.encode())
        end = len(text.data)
        return Splice(end, end, "".join(f"\n{row}" for row in rows).encode())


def _parts(i1: int, i2: int, rows: list[str]) -> Iterator[tuple[int, int, list[str]]]:
    """A hunk as a whole and, where both sides have as many lines, line by line."""
    yield i1, i2, rows
    if i2 - i1 == len(rows) > 1:
        for offset, row in enumerate(rows):
            yield i1 + offset, i1 + offset + 1, [row]


def _indent(text: Text) -> str:
    line = text.lines[0]
    return line[: len(line) - len(line.lstrip())]


def _likeness(head: Text, one: Place, base: Text, other: Place) -> float:
    if type(one.node) is not type(other.node):
        return 0.0
    first = head.data[head.start(one.node) : head.header_end(one.node)].decode()
    second = base.data[base.start(other.node) : base.header_end(other.node)].decode()
    return 0.2 + difflib.SequenceMatcher(None, first, second, autojunk=False).ratio()


Difference = tuple[ast.expr, ast.expr, ast.AST, str]


def _differences(
    head: ast.AST, base: ast.AST, parent: ast.AST | None = None, field: str = ""
) -> Iterator[Difference]:
    """The smallest pairs of expressions in which two trees of one shape differ, with what holds the first.

    Yields the trees themselves (in place of a pair) when their own fields differ.
    """
    pairs = list(_fields(head, base))
    if all(isinstance(one, ast.AST) and isinstance(other, ast.AST) for one, other, _ in pairs) and pairs:
        found: list[Difference] = []
        for one, other, name in pairs:
            if isinstance(one, ast.AST) and isinstance(other, ast.AST):
                found += _below(one, other, head, name)
        if found and not any(new is None for _, new, _, _ in found):
            yield from found
            return
    if isinstance(head, ast.expr) and isinstance(base, ast.expr) and parent is not None:
        yield head, base, parent, field


def _below(one: ast.AST, other: ast.AST, parent: ast.AST, field: str) -> list[Difference]:
    if type(one) is type(other) and not isinstance(one, ast.JoinedStr):
        found = list(_differences(one, other, parent, field))
        if found:
            return found
    if isinstance(one, ast.expr) and isinstance(other, ast.expr):
        return [(one, other, parent, field)]
    return []


def _fields(head: ast.AST, base: ast.AST) -> Iterator[tuple[object, object, str]]:
    """Unequal children of two nodes of one type, their blocks left out."""
    compound = not isinstance(head, ast.expr)
    for name in head._fields:
        if name in ("ctx", "kind", "type_comment") or (
            compound and name in ("body", "orelse", "finalbody", "handlers", "cases")
        ):
            continue
        one, other = getattr(head, name, None), getattr(base, name, None)
        if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            yield from ((a, b, name) for a, b in zip(one, other, strict=True) if tell(a) != tell(b))
        elif tell(one) != tell(other):
            yield one, other, name

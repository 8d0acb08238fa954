"""A function's text with the spans of its syntax: edits are splices of this text, never a re-rendering of it.

Offsets are bytes of the UTF-8 text, which is what `ast` counts columns in: nothing outside a splice changes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.domain import Edit

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef
Statement = ast.stmt | ast.excepthandler | ast.match_case
Node = ast.stmt | ast.excepthandler | ast.match_case | ast.expr | ast.arg | ast.keyword
LOOPS = (ast.For, ast.AsyncFor, ast.While)
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")

_SILENT = frozenset({"ctx", "type_comment", "kind"})
_UNTOLD = _SILENT | frozenset(BLOCKS)


def parse_function(source: str) -> FunctionNode:
    """The definition in `source`, which may be indented; its line numbers are those of `source`.

    Raises SyntaxError (also for a text that is valid Python but not one function).
    """
    indented = source[:1] in (" ", "\t")
    module = ast.parse("if 1:\n" + source if indented else source)
    node: ast.AST = module.body[0] if module.body else module
    if indented and isinstance(node, ast.If):
        node = node.body[0]
        ast.increment_lineno(node, -1)
    if not isinstance(node, FunctionNode):
        raise SyntaxError("not a function")
    return node


def tell(node: object) -> str:
    """A text equal for syntax that means the same: positions and contexts left out."""
    if isinstance(node, ast.AST):
        fields = [tell(getattr(node, name, None)) for name in node._fields if name not in _SILENT]
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(tell, node))}]"
    return repr(node)


def tell_header(node: Statement) -> str:
    """A text equal for statements whose own line (not their blocks) means the same."""
    fields = [tell(getattr(node, name, None)) for name in node._fields if name not in _UNTOLD]
    return f"{type(node).__name__}({','.join(fields)})"


Shape = tuple[tuple[int, str, str], ...]
"""A function as (depth, block, header) per statement: equal for functions with the same normalised syntax."""


def shape(function: FunctionNode) -> Shape:
    """The normalised form of a whole function: layout, comments and docstrings do not show in it."""
    return ((0, "", tell_header(function)), *_shapes(function, 1))


def _shapes(parent: ast.AST, depth: int) -> Iterator[tuple[int, str, str]]:
    for name, block in blocks(parent):
        for index, node in enumerate(block):
            if index or not is_docstring(parent, node):
                yield depth, name, tell_header(node)
            yield from _shapes(node, depth + 1)


def blocks(node: ast.AST) -> Iterator[tuple[str, Sequence[Statement]]]:
    """Names and statements of a statement's blocks that are not empty, in the order of the text."""
    if isinstance(node, ast.expr):
        return
    for name in BLOCKS:
        block = getattr(node, name, None)
        if isinstance(block, list) and block:
            yield name, block


def is_docstring(parent: ast.AST, node: ast.AST) -> bool:
    """Whether `node`, the first statement of `parent`, is its docstring."""
    if not isinstance(parent, SCOPES) or not isinstance(node, ast.Expr) or parent.body[0] is not node:
        return False
    return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@dataclass(frozen=True, eq=False)
class Place:
    """One statement (or `except`, or `case`) of a function and where it stands."""

    node: Statement
    parent: ast.AST
    name: str
    """The parent's block that holds it: `body`, `orelse`, `handlers` ..."""
    block: Sequence[Statement]
    index: int
    """Where in the block."""
    depth: int
    loop: ast.stmt | None
    """The innermost loop around it, inside its function."""
    function: FunctionNode
    """The innermost function around it."""
    order: int
    """Where in the function's `shape`."""

    @property
    def next(self) -> Statement | None:
        """The statement after it in the same block."""
        return self.block[self.index + 1] if self.index + 1 < len(self.block) else None

    @property
    def previous(self) -> Statement | None:
        """The statement before it in the same block."""
        return self.block[self.index - 1] if self.index else None


@dataclass(frozen=True)
class Splice:
    """Replaces the bytes `start` to `end` (exclusive) by `text`."""

    start: int
    end: int
    text: bytes


class Text:
    """One version of a function: its text, its statements, and where each node lies in the text.

    Raises SyntaxError when the text is not one function.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.data = source.encode()
        self.lines = source.split("\n")
        self.function = parse_function(source)
        self._snippets: dict[str, tuple[tuple[int, str, str], ...] | None] = {}
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line.encode()) + 1)
        self.places = tuple(self._places(self.function, 1, None, self.function, [1]))

    def _places(
        self, parent: ast.AST, depth: int, loop: ast.stmt | None, function: FunctionNode, count: list[int]
    ) -> Iterator[Place]:
        for name, block in blocks(parent):
            inner = parent if isinstance(parent, LOOPS) and name == "body" else loop
            if isinstance(parent, SCOPES):
                inner = None
            for index, node in enumerate(block):
                if index == 0 and is_docstring(parent, node):
                    continue
                yield Place(node, parent, name, block, index, depth, inner, function, count[0])
                count[0] += 1
                owner = node if isinstance(node, FunctionNode) else function
                yield from self._places(node, depth + 1, inner, owner, count)

    @cached_property
    def shape(self) -> Shape:
        """The function's normalised form."""
        return shape(self.function)

    # ------------------------------------------------------------------------------------------- where

    def start(self, node: Node) -> int:
        """First byte of a node; decorators and the keyword of a `case` included."""
        decorators: list[ast.expr] = getattr(node, "decorator_list", [])
        if decorators:
            return self._text_start(decorators[0].lineno)
        if isinstance(node, ast.match_case):
            return self._text_start(node.pattern.lineno)
        return self._starts[node.lineno - 1] + node.col_offset

    def _text_start(self, line: int) -> int:
        text = self.lines[line - 1]
        return self._starts[line - 1] + len(text) - len(text.lstrip())

    def end(self, node: Node) -> int:
        """The byte after a node."""
        if isinstance(node, ast.match_case):
            return self.end(node.body[-1])
        return self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)

    def first_line(self, node: Statement) -> int:
        """The line on which a statement starts, decorators included."""
        return self.data.count(b"\n", 0, self.start(node)) + 1

    def last_line(self, node: Statement) -> int:
        """The line on which it ends."""
        if isinstance(node, ast.match_case):
            return node.body[-1].end_lineno or 0
        return node.end_lineno or 0

    def line_start(self, line: int) -> int:
        """First byte of a line, 1-based."""
        return self._starts[line - 1]

    def header_end(self, node: Statement) -> int:
        """The byte after a statement's own text: where its block begins, or its end if it has none."""
        for _, block in blocks(node):
            return self.start(block[0])
        return self.end(node)

    def segment(self, node: Node) -> str:
        """A node's text as it stands; rendered anew if it spans lines, so that it can be put anywhere."""
        raw = self.data[self.start(node) : self.end(node)]
        return ast.unparse(node) if b"\n" in raw else raw.decode()

    def indent(self, node: Statement) -> str:
        """White space before a statement's first line."""
        line = self.lines[self.first_line(node) - 1]
        return line[: len(line) - len(line.lstrip())]

    def leads(self, node: Statement) -> bool:
        """Whether a statement is the first thing on its line (and not an `elif`, which nothing may precede)."""
        start = self.start(node)
        head = self.data[self._starts[self.first_line(node) - 1] : start]
        return not head.strip() and not self.data.startswith(b"elif", start)

    def alone(self, node: Statement) -> bool:
        """Whether nothing but a comment shares a statement's lines with it."""
        end = self.end(node)
        rest = self.data[end : self._starts[self.last_line(node)]].strip()
        return self.leads(node) and (not rest or rest.startswith(b"#"))

    def parenthesised(self, node: Node) -> tuple[int, int] | None:
        """Offsets of the parentheses directly around a node (or of a call around its only argument)."""
        before, after = self.start(node) - 1, self.end(node)
        while before >= 0 and self.data[before : before + 1].isspace():
            before -= 1
        while after < len(self.data) and self.data[after : after + 1].isspace():
            after += 1
        if self.data[before : before + 1] == b"(" and self.data[after : after + 1] == b")":
            return before, after
        return None

    # ------------------------------------------------------------------------------------------ change

    def apply(self, splices: Sequence[Splice]) -> bytes:
        """The text with the splices done; they must not overlap."""
        data = self.data
        for splice in sorted(splices, key=lambda s: (s.start, s.end), reverse=True):
            data = data[: splice.start] + splice.text + data[splice.end :]
        return data

    def edit(self, splices: Sequence[Splice]) -> Edit:
        """The smallest replacement of whole lines that does the splices."""
        first = self.data.count(b"\n", 0, min(splice.start for splice in splices))
        last = self.data.count(b"\n", 0, max(splice.end for splice in splices)) + 1
        rest = len(self.lines) - last
        every = self.apply(splices).decode().split("\n")
        old, new = self.lines[first:last], every[first : len(every) - rest]
        while old and new and old[0] == new[0]:
            del old[0], new[0]
            first += 1
        while old and new and old[-1] == new[-1]:
            del old[-1], new[-1]
        return Edit(first + 1, first + 1 + len(old), tuple(new))

    def reshaped(self, place: Place, splices: Sequence[Splice]) -> Shape | None:
        """The function's shape after splices that touch only one statement's own line; None if it is invalid."""
        start, end = self.start(place.node), self.header_end(place.node)
        piece = self.data[start:end]
        for splice in sorted(splices, key=lambda s: (s.start, s.end), reverse=True):
            piece = piece[: splice.start - start] + splice.text + piece[splice.end - start :]
        header = _parse_header(place.node, piece)
        if header is None:
            return None
        entry = (place.depth, place.name, header)
        return (*self.shape[: place.order], entry, *self.shape[place.order + 1 :])

    def beside(self, place: Place, rows: Sequence[str], where: str) -> Shape | None:
        """The function's shape after rows are put before, after, or as a block's header around a statement."""
        source = "\n".join(rows)
        if source not in self._snippets:
            try:
                self._snippets[source] = tuple(_shapes(ast.parse(source), 0))
            except (SyntaxError, ValueError):
                self._snippets[source] = None
        snippet = self._snippets[source]
        if snippet is None:
            return None
        new = tuple(
            (depth + place.depth, name if depth else place.name, header) for depth, name, header in snippet
        )
        start, end = place.order, place.order + 1
        while end < len(self.shape) and self.shape[end][0] > place.depth:
            end += 1
        if where == "before":
            return (*self.shape[:start], *new, *self.shape[start:])
        if where == "after":
            return (*self.shape[:end], *new, *self.shape[end:])
        deeper = [(place.depth + 1, "body", self.shape[start][2])]
        deeper += [(depth + 1, name, header) for depth, name, header in self.shape[start + 1 : end]]
        return (*self.shape[:start], new[0], *deeper, *self.shape[end:])

    def reparsed(self, splices: Sequence[Splice]) -> Shape | None:
        """The function's shape after any splices; None if the text is invalid."""
        try:
            return shape(parse_function(self.apply(splices).decode()))
        except (SyntaxError, ValueError):
            return None


def _parse_header(node: Statement, piece: bytes) -> str | None:
    """What the text of one statement without its blocks says; None if it is not valid."""
    compound = any(True for _ in blocks(node))
    text = piece.decode() + ("pass" if compound else "")
    if isinstance(node, ast.excepthandler):
        text = "try: pass\n" + text
    elif isinstance(node, ast.match_case):
        text = "match 0:\n " + text
    elif text.startswith("elif"):
        text = text[2:]
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    if len(body) != 1:
        return None
    found: Statement = body[0]
    if isinstance(node, ast.excepthandler) and isinstance(found, ast.Try):
        found = found.handlers[0]
    if isinstance(node, ast.match_case) and isinstance(found, ast.Match):
        found = found.cases[0]
    return tell_header(found)

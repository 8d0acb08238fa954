"""What rewrites for security and for speed are made with: origins of names, texts with holes, guards."""

from __future__ import annotations

import ast
import copy
import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from bot.endpoints.edits.scope import BUILTINS
from bot.endpoints.edits.site import ATOM, Raw, demand, function_defaults
from bot.endpoints.edits.text import SCOPES, Place, Splice, Text, blocks, tell

Part = str | ast.expr
"""A piece of a text that is put together: literal text, or what is put between."""

FROM_IMPORTS = frozenset({"collections", "pathlib", "urllib.parse", "functools", "itertools"})
"""Modules of which names are imported by `from ... import`, as most code does."""


@dataclass(frozen=True)
class Remedy:
    """A rewrite of one place, and where it is proposed."""

    at: ast.AST
    """A node: the statement that holds it is the line at which it is proposed."""
    raw: Raw


Rule = Callable[["Code"], Iterator[Remedy]]


@dataclass(frozen=True)
class Hole:
    """What stands in one place of a text: one expression, or all of a quoted stretch that holds some."""

    parts: tuple[Part, ...]
    quote: str
    """The quotation mark around it; empty where there is none."""

    @property
    def exprs(self) -> tuple[ast.expr, ...]:
        """The expressions in it."""
        return tuple(part for part in self.parts if isinstance(part, ast.expr))


class Code:
    """One version of a function in its module: what its names mean and how its text is changed."""

    def __init__(self, text: Text, module: str, before: str = "") -> None:
        """`module` is the text of the file; one that does not parse gives no names.

        `before` is the text of the function before the change, where it was there.
        """
        self.text = text
        self.before_text = before
        self.function = text.function
        self.module = _parsed(module)
        self.imports: dict[str, str] = {}
        self.sources: set[str] = set()
        self.constants: dict[str, ast.expr] = {}
        self.taken: set[str] = set()
        self._read_module()
        self.parents: dict[ast.AST, ast.AST] = {}
        for node in ast.walk(self.function):
            for child in ast.iter_child_nodes(node):
                self.parents[child] = node
        self.places = {id(place.node): place for place in text.places}
        self.nodes = tuple(node for node in ast.walk(self.function) if id(node) in self._inner)
        self.values: dict[str, list[ast.expr | None]] = {}
        """Local name -> what is assigned to it; None for what is bound otherwise (a loop, a parameter)."""
        self._read_function()

    # ------------------------------------------------------------------------------------------ reading

    @cached_property
    def _inner(self) -> set[int]:
        """Ids of the nodes of the body: signature, decorators and docstring left out."""
        found: set[int] = set()
        for place in self.text.places:
            found.add(id(place.node))
            found.update(id(node) for node in ast.walk(place.node))
        return found

    def _read_module(self) -> None:
        stores: dict[str, int] = {}
        for node in ast.walk(self.module):
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._bind_import(node)
        for statement in self.module.body:
            targets = [*_targets(statement)]
            for name in targets:
                stores[name] = stores.get(name, 0) + 1
            self.taken.update(targets)
            if isinstance(statement, (*SCOPES,)):
                self.taken.add(statement.name)
            value = getattr(statement, "value", None)
            if isinstance(statement, ast.Assign | ast.AnnAssign) and len(targets) == 1 and value is not None:
                self.constants[targets[0]] = value
        self.constants = {name: value for name, value in self.constants.items() if stores[name] == 1}

    def _bind_import(self, node: ast.Import | ast.ImportFrom) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.sources.add(alias.name)
                root = alias.name.partition(".")[0]
                self.imports[alias.asname or root] = alias.name if alias.asname else root
            return
        source = "." * node.level + (node.module or "")
        self.sources.add(source)
        for alias in node.names:
            self.imports[alias.asname or alias.name] = f"{source}.{alias.name}"

    def _read_function(self) -> None:
        arguments = self.function.args
        every = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
        self.parameters = tuple(argument.arg for argument in every if argument is not None)
        self.annotations = {a.arg: ast.unparse(a.annotation) for a in every if a is not None and a.annotation}
        self.defaults = {
            a.arg: default.value
            for a, default in function_defaults(self.function)
            if isinstance(default, ast.Constant) and default.value is not None
        }
        for name in self.parameters:
            self.values[name] = [None]
        plain: set[int] = set()
        for node in self.nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._bind_import(node)
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if len(targets) == 1 and isinstance(targets[0], ast.Name):
                    plain.add(id(targets[0]))
                    self.values.setdefault(targets[0].id, []).append(node.value)
        for node in self.nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load) and id(node) not in plain:
                self.values.setdefault(node.id, []).append(None)
            elif isinstance(node, (*SCOPES, ast.ExceptHandler)) and node.name:
                self.values.setdefault(node.name, []).append(None)

    # ---------------------------------------------------------------------------------------- questions

    def origin(self, node: ast.AST) -> str:
        """The dotted name of what `a.b.c` stands for where `a` is imported or a builtin; '' otherwise."""
        if isinstance(node, ast.Attribute):
            owner = self.origin(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        if not isinstance(node, ast.Name) or node.id in self.values:
            return ""
        if node.id in self.imports:
            return self.imports[node.id]
        return node.id if node.id in BUILTINS and node.id not in self.taken else ""

    def calls(self, *names: str) -> Iterator[tuple[ast.Call, str]]:
        """Calls whose callee is one of these dotted names, with that name; all calls where none is given."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                origin = self.origin(node.func)
                if not names or origin in names:
                    yield node, origin

    def helper(self, call: ast.Call, does: str) -> bool:
        """Whether a call is one of a function or method of the module whose text holds a pattern."""
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name == self.function.name:
            return False
        return any(re.search(does, text) is not None for text in self._helpers.get(name, ()))

    @cached_property
    def _helpers(self) -> dict[str, list[str]]:
        """Name -> texts of the functions and methods of the module that are called so."""
        found: dict[str, list[str]] = {}
        for node in ast.walk(self.module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.setdefault(node.name, []).append(ast.unparse(node))
        return found

    def imports_any(self, *roots: str) -> bool:
        """Whether the module imports one of these packages."""
        return any(source.partition(".")[0] in roots for source in self.sources)

    def resolved(self, node: ast.expr) -> ast.expr:
        """What a name stands for where it is bound once, in the function or at the top of the module."""
        if isinstance(node, ast.Name):
            known = self.values.get(node.id)
            if known is None:
                return self.constants.get(node.id, node)
            if len(known) == 1 and known[0] is not None:
                return known[0]
        return node

    def place(self, node: ast.AST) -> Place | None:
        """The innermost statement that holds a node."""
        here: ast.AST | None = node
        while here is not None and id(here) not in self.places:
            here = self.parents.get(here)
        return self.places[id(here)] if here is not None else None

    def inside(self, node: ast.AST, kinds: type[ast.AST] | tuple[type[ast.AST], ...]) -> ast.AST | None:
        """The innermost node of some kinds around a node, or None."""
        here = self.parents.get(node)
        while here is not None and not isinstance(here, kinds):
            here = self.parents.get(here)
        return here

    def loops(self, node: ast.AST) -> list[ast.For | ast.While]:
        """The loops around a node in its own function, innermost first; a loop's own iterable is outside it."""
        found: list[ast.For | ast.While] = []
        here, parent = node, self.parents.get(node)
        while parent is not None and not isinstance(parent, SCOPES):
            if isinstance(parent, ast.While) or (isinstance(parent, ast.For) and here is not parent.iter):
                found.append(parent)
            here, parent = parent, self.parents.get(parent)
        return found

    def names(self, node: ast.AST) -> set[str]:
        """The variables that a node reads: builtins, imports and what the module defines left out."""
        return {
            part.id
            for part in ast.walk(node)
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in self.values
        }

    def fit(self, node: ast.expr, new: str, strength: int) -> str:
        """`new`, in parentheses where it needs them in the place of a node."""
        parent = self.parents[node]
        field = next((name for name, value in ast.iter_fields(parent) if value is node), "")
        needed = ATOM if isinstance(parent, ast.Call | ast.Subscript) and field in ("func", "value") else 0
        needed = needed or demand(parent, field)
        return new if strength >= needed or self.text.parenthesised(node) else f"({new})"

    def is_text(self, node: ast.expr) -> bool:
        """Whether a value is a text for certain: by its annotation, or by what makes it."""
        if isinstance(node, ast.Name) and node.id in self.annotations:
            return self.annotations[node.id].strip("\"'") == "str"
        if isinstance(node, ast.Name) and node.id in self.defaults:
            return isinstance(self.defaults[node.id], str)
        made = self.resolved(node)
        if made is not node and isinstance(made, ast.Call) and isinstance(made.func, ast.Attribute):
            return made.func.attr in ("lower", "upper", "strip", "join", "hexdigest")
        if isinstance(node, ast.Constant):
            return isinstance(node.value, str)
        if isinstance(node, ast.Call):
            texts = ("str", "lower", "upper", "strip", "format", "join", "replace", "decode", "hexdigest")
            return getattr(node.func, "id", getattr(node.func, "attr", "")) in texts
        return isinstance(node, ast.JoinedStr)

    def is_number(self, node: ast.expr) -> bool:
        """Whether a value is a number for certain."""
        if not isinstance(node, ast.Name):
            return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
        told = self.annotations.get(node.id, "") in ("int", "float")
        return told or isinstance(self.defaults.get(node.id), int | float)

    def source(self, node: ast.expr) -> str:
        """A node's text; rendered where it has none, or where it lies in an f-string (positions err there)."""
        if node not in self.parents or self.inside(node, ast.JoinedStr) is not None:
            return ast.unparse(node)
        return self.text.segment(node)

    # -------------------------------------------------------------------------------------------- texts

    def parts(self, node: ast.expr) -> tuple[Part, ...] | None:
        """A text that is put together, in whatever way, as pieces; None for anything else."""
        found = self._parts(node)
        return None if found is None else _merged(found)

    def _parts(self, node: ast.expr) -> list[Part] | None:
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else None
        if isinstance(node, ast.JoinedStr):
            return [_piece(value) for value in node.values]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._added(node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
            form = self._form(node.left)
            return _percent(form, node.right) if form is not None else None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            form = self._form(node.func.value)
            if form is not None and node.func.attr == "format":
                return _formatted(form, node)
            if form is not None and node.func.attr == "join" and len(node.args) == 1:
                return self._joined(form, node.args[0])
        return None

    def _added(self, node: ast.BinOp) -> list[Part] | None:
        sides = [self._parts(side) for side in (node.left, node.right)]
        if sides == [None, None]:
            forms = [self._form(side) for side in (node.left, node.right)]
            sides = [None if form is None else [form] for form in forms]
            if sides == [None, None]:
                return None
        left: list[Part] = sides[0] if sides[0] is not None else [node.left]
        right: list[Part] = sides[1] if sides[1] is not None else [node.right]
        return [*left, *right]

    def _joined(self, form: str, given: ast.expr) -> list[Part] | None:
        if not isinstance(given, ast.List | ast.Tuple) or any(isinstance(e, ast.Starred) for e in given.elts):
            return None
        found: list[Part] = []
        for index, element in enumerate(given.elts):
            inner = self._parts(element)
            found += [form] if index else []
            found += inner if inner is not None else [element]
        return found

    def _form(self, node: ast.expr) -> str | None:
        """A literal text, also one that a constant of the module holds."""
        if isinstance(node, ast.Name):
            node = self.resolved(node)
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None

    def template(self, node: ast.expr) -> tuple[ast.expr, tuple[Part, ...]] | None:
        """(the expression that makes it, its pieces) of a text with something put into it.

        A name is followed to what is assigned to it; a text without holes is None.
        """
        maker = self.resolved(node)
        parts = self.parts(maker)
        if parts is None or all(isinstance(part, str) for part in parts):
            return None
        return (maker if maker in self.parents else node), parts

    def templates(self) -> Iterator[tuple[ast.expr, tuple[Part, ...]]]:
        """Every text of the function that has something put into it, the outermost of nested ones."""
        inner: set[int] = set()
        for node in self.nodes:
            if isinstance(node, ast.expr) and id(node) not in inner and self.inside(node, ast.JoinedStr) is None:
                parts = self.parts(node)
                if parts is not None and not all(isinstance(part, str) for part in parts):
                    inner.update(
                        id(part) for part in ast.walk(node) if isinstance(part, ast.BinOp | ast.JoinedStr)
                    )
                    yield node, parts

    # ------------------------------------------------------------------------------------------ writing

    def use(self, dotted: str) -> tuple[str, tuple[str, ...]]:
        """(how a thing of a module is written here, the imports that this needs)."""
        module, _, name = dotted.rpartition(".")
        for bound, origin in self.imports.items():
            if bound in self.values:
                continue
            if origin == dotted:
                return bound, ()
            if origin == module:
                return f"{bound}.{name}", ()
        if module in self.sources and "." in module and module.partition(".")[0] in self.imports:
            return dotted, ()
        if module in FROM_IMPORTS:
            free = name not in self.taken and name not in self.values and name not in self.imports
            own = name if free else f"{name}_"
            return own, (f"from {module} import {name}" + ("" if free else f" as {own}"),)
        root = module.partition(".")[0]
        free = root not in self.taken and root not in self.values and self.imports.get(root, root) == root
        if free:
            return dotted, ("import os" if module == "os.path" else f"import {module}",)
        own = module.replace(".", "_") + "_"
        return f"{own}.{name}", (f"import {module} as {own}",)

    def swap(self, *pairs: tuple[ast.expr, str]) -> tuple[Splice, ...]:
        """Splices that put texts in the place of expressions.

        What lies in an f-string is written together with all of it: positions in it are not reliable.
        """
        splices: list[Splice] = []
        within: dict[int, tuple[ast.expr, dict[int, str]]] = {}
        for node, new in pairs:
            outer = self._string_around(node)
            if outer is None:
                splices.append(Splice(self.text.start(node), self.text.end(node), new.encode()))
            else:
                within.setdefault(id(outer), (outer, {}))[1][id(node)] = new
        for outer, changes in within.values():
            new = ast.unparse(_Swap(changes).visit(_copied(outer)))
            splices.append(Splice(self.text.start(outer), self.text.end(outer), new.encode()))
        return tuple(splices)

    def _string_around(self, node: ast.AST) -> ast.expr | None:
        outer: ast.expr | None = None
        here = self.parents.get(node)
        while here is not None:
            if isinstance(here, ast.JoinedStr):
                outer = here
            here = self.parents.get(here)
        return outer

    def header(self, node: ast.AST) -> Place | None:
        """The statement before which something can be put for the sake of a node."""
        place = self.place(node)
        while place is not None and not (isinstance(place.node, ast.stmt) and self.text.leads(place.node)):
            place = self.place(place.parent)
        return place

    def before(self, node: ast.AST, rows: Sequence[str]) -> Splice | None:
        """Puts statements before the one that holds a node."""
        place = self.header(node)
        if place is None:
            return None
        start = self.text.line_start(self.text.first_line(place.node))
        return Splice(start, start, self.rows(rows, self.text.indent(place.node)))

    def after(self, node: ast.AST, rows: Sequence[str]) -> Splice | None:
        """Puts statements after the one that holds a node, its blocks included."""
        place = self.place(node)
        if place is None or not self.text.leads(place.node) or not self.text.alone(place.node):
            return None
        written = self.rows(rows, self.text.indent(place.node))
        last = self.text.last_line(place.node)
        if last < len(self.text.lines):
            start = self.text.line_start(last + 1)
            return Splice(start, start, written)
        end = len(self.text.data)
        return Splice(end, end, b"\n" + written[:-1])

    def without(self, statement: ast.stmt) -> Splice | None:
        """Takes a whole statement out; `pass` stays where it was the only one of its block."""
        place = self.place(statement)
        if place is None or not self.text.leads(statement):
            return None
        if len(place.block) == 1 or not self.text.alone(statement):
            return Splice(self.text.start(statement), self.text.end(statement), b"pass")
        first, last = self.text.first_line(statement), self.text.last_line(statement)
        end = self.text.line_start(last + 1) if last < len(self.text.lines) else len(self.text.data)
        return Splice(self.text.line_start(first), end, b"")

    def rows(self, rows: Sequence[str], indent: str) -> bytes:
        """Rows of code (four blanks a level) at an indentation, with the function's own step."""
        step = self._step()
        out = []
        for row in rows:
            depth = (len(row) - len(row.lstrip(" "))) // 4
            out.append(f"{indent}{step * depth}{row.lstrip(' ')}\n")
        return "".join(out).encode()

    def _step(self) -> str:
        outer = self.text.lines[self.function.lineno - 1]
        own = outer[: len(outer) - len(outer.lstrip())]
        for place in self.text.places:
            if place.depth == 1:
                return self.text.indent(place.node)[len(own) :] or "    "
        return "    "

    def fresh(self, *wanted: str) -> str:
        """The first of some names that means nothing here."""
        every = (*wanted, *(f"{wanted[0]}_{n}" for n in range(2, 9)))
        used = {node.id for node in ast.walk(self.function) if isinstance(node, ast.Name)} | set(self.parameters)
        return next(n for n in every if n not in used | self.taken | set(self.imports) | BUILTINS)

    def keyword(self, call: ast.Call, name: str) -> ast.keyword | None:
        """A keyword argument of a call."""
        return next((keyword for keyword in call.keywords if keyword.arg == name), None)

    def add_argument(self, call: ast.Call, new: str) -> Splice:
        """Puts a further argument at the end of a call."""
        end = self.text.end(call) - 1
        every: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        if not every:
            return Splice(end, end, new.encode())
        last = max(self.text.end(argument) for argument in every)
        if self.text.data[last:end].strip().startswith(b",") or isinstance(every[-1], ast.GeneratorExp):
            rest = self.text.data[last:end]
            if b"," in rest:
                comma = last + rest.index(b",") + 1
                return Splice(comma, comma, f" {new}".encode())
        # Parentheses around the last argument lie behind its end.
        close = last + len(self.text.data[last:end].rstrip())
        return Splice(close, close, f", {new}".encode())

    def drop_argument(self, call: ast.Call, argument: ast.expr | ast.keyword) -> Splice:
        """Removes one argument of a call with the comma that joins it to its neighbour."""
        every: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        every.sort(key=self.text.start)
        index = every.index(argument)
        if index + 1 < len(every):
            return Splice(self.text.start(argument), self.text.start(every[index + 1]), b"")
        start = self.text.end(every[index - 1]) if index else self.text.start(argument)
        return Splice(start, self.text.end(argument), b"")


# ------------------------------------------------------------------------------------------------ texts


def segments(parts: Iterable[Part], quotes: str) -> list[str | Hole] | None:
    """Literal text and holes in turn; a quoted stretch with something in it is one hole.

    None where a quote stays open.
    """
    splitter = _Splitter(quotes)
    for part in parts:
        if isinstance(part, str):
            for char in part:
                splitter.read(char)
        else:
            splitter.hole(part)
    return None if splitter.quote else [piece for piece in (*splitter.out, splitter.plain) if piece != ""]


class _Splitter:
    """Reads a text with holes and keeps track of quotation marks."""

    def __init__(self, quotes: str) -> None:
        self.quotes = quotes
        self.out: list[str | Hole] = []
        self.plain = self.quote = ""
        self.inner: list[Part] = []

    def hole(self, part: ast.expr) -> None:
        """An expression comes next."""
        if self.quote:
            self.inner.append(part)
        else:
            self.emit(Hole((part,), ""))

    def emit(self, hole: Hole) -> None:
        """A hole is complete."""
        self.out += [self.plain, hole]
        self.plain = ""

    def read(self, char: str) -> None:
        """A character comes next."""
        if not self.quote:
            self.quote = char if char in self.quotes else ""
            self.plain += "" if self.quote else char
        elif char != self.quote:
            self.inner.append(char)
        else:
            if any(isinstance(piece, ast.expr) for piece in self.inner):
                self.emit(Hole(_merged(self.inner), self.quote))
            else:
                self.plain += self.quote + "".join(str(piece) for piece in self.inner) + self.quote
            self.quote, self.inner = "", []


def _merged(parts: Iterable[Part]) -> tuple[Part, ...]:
    """The same pieces with neighbouring texts made one, and without empty ones."""
    merged: list[Part] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, str) and isinstance(last, str):
            merged[-1] = last + part
        elif part != "":
            merged.append(part)
    return tuple(merged)


def written(parts: Sequence[Part]) -> str:
    """Pieces as the source of one text: a literal, an f-string, or `.format` where that cannot be."""
    if all(isinstance(part, str) for part in parts):
        return literal("".join(str(part) for part in parts))
    values: list[ast.expr] = [
        ast.Constant(part) if isinstance(part, str) else ast.FormattedValue(part, -1) for part in parts
    ]
    try:
        text = ast.unparse(ast.JoinedStr(values))
        ast.parse(text)
    except (ValueError, SyntaxError):
        form = "".join(p.replace("{", "{{").replace("}", "}}") if isinstance(p, str) else "{}" for p in parts)
        given = ", ".join(ast.unparse(part) for part in parts if isinstance(part, ast.expr))
        return f"{literal(form)}.format({given})"
    return f'f"{text[2:-1]}"' if text.startswith("f'") and '"' not in text and "\\" not in text else text


def literal(text: str) -> str:
    """A text as source, in double quotes where they need no escape."""
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown.startswith("'") and '"' not in shown and "\\'" not in shown else shown


def _piece(value: ast.expr) -> Part:
    """One value of an f-string: its text, its expression, or itself where it has a format."""
    if isinstance(value, ast.Constant):
        return str(value.value)
    if not isinstance(value, ast.FormattedValue) or value.format_spec is not None:
        return ast.JoinedStr([value])
    return _converted(value.value, value.conversion)


def _converted(node: ast.expr, conversion: int) -> ast.expr:
    if conversion == ord("r"):
        return ast.Call(ast.Name("repr", ast.Load()), [node], [])
    return node


def _percent(form: str, given: ast.expr) -> list[Part] | None:
    """The pieces of `form % given`, for plain conversions alone."""
    rest: list[ast.expr] | None = list(given.elts) if isinstance(given, ast.Tuple) else [given]
    named = dict(zip(map(_key, given.keys), given.values, strict=True)) if isinstance(given, ast.Dict) else {}
    out: list[Part] = []
    pieces = form.split("%")
    out.append(pieces[0])
    index = 1
    while index < len(pieces):
        piece = pieces[index]
        if piece == "" and index + 1 < len(pieces):
            out.append("%" + pieces[index + 1])
            index += 2
            continue
        name, closing, tail = piece[1:].partition(")") if piece.startswith("(") else ("", "", piece)
        if closing and name not in named:
            return None
        if tail[:1] not in ("s", "d", "i", "r") or (not closing and not rest):
            return None
        value = named[name] if closing else (rest or []).pop(0)
        out += [_converted(value, ord("r") if tail[0] == "r" else -1), tail[1:]]
        index += 1
    return out if named or not rest else None


def _key(node: ast.expr | None) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _formatted(form: str, call: ast.Call) -> list[Part] | None:
    """The pieces of `form.format(...)`."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return None
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    out: list[Part] = []
    count = 0
    try:
        for text, field, spec, conversion in string.Formatter().parse(form):
            out.append(text)
            if field is None:
                continue
            root = field.replace("[", ".").partition(".")[0]
            value = call.args[int(root or count)] if not root or root.isdigit() else named[root]
            count += not root
            if root != field and field:
                value = ast.parse(f"({ast.unparse(value)}){field[len(root) :]}", mode="eval").body
            value = _converted(value, ord("r") if conversion == "r" else -1)
            if spec:
                value = ast.JoinedStr([ast.FormattedValue(value, -1, ast.JoinedStr([ast.Constant(spec)]))])
            out.append(value)
    except (ValueError, KeyError, IndexError, SyntaxError):
        return None
    return out


class _Swap(ast.NodeTransformer):
    """Puts other code in the place of marked nodes."""

    def __init__(self, changes: dict[int, str]) -> None:
        self.changes = changes

    def visit(self, node: ast.AST) -> ast.AST:
        new = self.changes.get(getattr(node, "was", 0))
        if new is not None:
            return ast.parse(new, mode="eval").body
        return self.generic_visit(node)


def _copied(node: ast.expr) -> ast.expr:
    """A deep copy in which each node remembers whose copy it is."""
    made = copy.deepcopy(node)
    for old, new in zip(ast.walk(node), ast.walk(made), strict=True):
        new.was = id(old)  # type: ignore[attr-defined]
    return made


# ------------------------------------------------------------------------------------------------ sets


@lru_cache(maxsize=8)
def _parsed(module: str) -> ast.Module:
    """The tree of a module's text; nobody changes it, and each version of a function asks for it."""
    try:
        return ast.parse(module)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module([], [])


def remedy(
    at: ast.AST,
    operator: str,
    splices: Iterable[Splice | None],
    factor: float = 1.0,
    imports: tuple[str, ...] = (),
) -> Iterator[Remedy]:
    """One remedy, or none where a part of it cannot be written."""
    every = tuple(splices)
    if every and all(splice is not None for splice in every):
        found = tuple(splice for splice in every if splice is not None)
        if not _clash(found):
            yield Remedy(at, Raw(operator, factor, found, imports, whole=True))


def by_place(
    code: Code, rules: Sequence[Rule], operators: frozenset[str] | None = None
) -> dict[int, tuple[Raw, ...]]:
    """Everything that rules propose, by the order of the statement at which it is proposed.

    Where one kind of remedy fits several places, all of them together are proposed, too: what is wrong in one is
    often wrong in the others. `operators` bounds which may be proposed.
    """
    found = [made for rule in rules for made in rule(code) if operators is None or made.raw.operator in operators]
    groups: dict[str, dict[int, Remedy]] = {}
    for made in sorted(found, key=lambda one: -one.raw.factor):
        groups.setdefault(made.raw.operator, {}).setdefault(id(made.at), made)
    for operator, ones in groups.items():
        both = _together(operator, list(ones.values()))
        found += [Remedy(one.at, both) for one in ones.values()] if both is not None else []
    rows: dict[int, list[Raw]] = {}
    for made in found:
        place = code.place(made.at)
        if place is not None:
            rows.setdefault(place.order, []).append(made.raw)
    return {order: tuple(raws) for order, raws in rows.items()}


def _together(operator: str, remedies: list[Remedy]) -> Raw | None:
    splices: list[Splice] = []
    imports: dict[str, None] = {}
    count = 0
    for made in remedies:
        guards = {splice.text for splice in splices if splice.text.endswith(b"\n")}
        new = any(splice.text not in guards for splice in made.raw.splices)  # one guard is enough
        if new and not _clash((*splices, *made.raw.splices)):
            splices += made.raw.splices
            imports |= dict.fromkeys(made.raw.imports)
            count += 1
    if count < 2:
        return None
    factor = 1.05 * max(made.raw.factor for made in remedies)
    return Raw(operator, factor, tuple(splices), tuple(imports), whole=True)


def _clash(splices: Sequence[Splice]) -> bool:
    rows = sorted(splices, key=lambda s: (s.start, s.end))
    return any(
        one.end > other.start or (one.start, one.end) == (other.start, other.end) for one, other in pairwise(rows)
    )


def same(one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes mean the same by their text."""
    return tell(one) == tell(other)


def body_of(node: ast.AST) -> list[ast.stmt]:
    """The statements of all blocks of a node."""
    return [inner for _, block in blocks(node) for inner in block if isinstance(inner, ast.stmt)]


def stored(node: ast.AST) -> set[str]:
    """Names that are bound anywhere in a node."""
    return {
        part.id for part in ast.walk(node) if isinstance(part, ast.Name) and not isinstance(part.ctx, ast.Load)
    }


def _targets(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With):
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                yield node.id

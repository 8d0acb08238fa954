"""Edits of whole statements: guards before them, missing ones after, moves, deletions, clauses of `try`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.endpoints.edits.scope import BUILTINS, NUMERIC, SIZED, Scope
from bot.endpoints.edits.site import Raw, function_defaults, level
from bot.endpoints.edits.text import LOOPS, SCOPES, Place, Splice, Statement, Text, tell


@dataclass(frozen=True)
class Line:
    """A statement, its text and what is in scope there."""

    text: Text
    scope: Scope
    place: Place

    @property
    def node(self) -> Statement:
        """The statement."""
        return self.place.node

    def kind(self, name: str) -> str:
        """The kind of a variable."""
        return self.scope.kind(ast.Name(name))

    def names(self) -> tuple[str, ...]:
        """Variables in scope."""
        return self.scope.visible(self.place)

    def before(self, operator: str, lines: list[str], factor: float) -> Iterator[Raw]:
        """Puts lines before the statement, at its indentation."""
        if self.text.leads(self.node) and isinstance(self.node, ast.stmt):
            start = self.text.line_start(self.text.first_line(self.node))
            indent = self.text.indent(self.node)
            splice = Splice(start, start, _rows(lines, indent))
            yield Raw(operator, factor, (splice,), whole=True, rows=tuple(lines), beside="before")

    def after(self, operator: str, lines: list[str], factor: float) -> Iterator[Raw]:
        """Puts lines after the statement with all its blocks, at its indentation."""
        if self.text.leads(self.node) and isinstance(self.node, ast.stmt):
            rows = _rows(lines, self.text.indent(self.node))
            last = self.text.last_line(self.node)
            if last < len(self.text.lines):
                start = self.text.line_start(last + 1)
                splice = Splice(start, start, rows)
            else:
                end = len(self.text.data)
                splice = Splice(end, end, b"\n" + rows[:-1])
            yield Raw(operator, factor, (splice,), whole=True, rows=tuple(lines), beside="after")

    def instead(self, operator: str, new: str, factor: float, imports: tuple[str, ...] = ()) -> Raw:
        """The statement's own text becomes `new` (a simple statement)."""
        splice = Splice(self.text.start(self.node), self.text.end(self.node), new.encode())
        return Raw(operator, factor, (splice,), imports)


Rule = Callable[[Line], Iterator[Raw]]
SIMPLE = (
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Expr,
    ast.Return,
    ast.Raise,
    ast.Continue,
    ast.Break,
    ast.Pass,
)
JUMPS = (ast.Return, ast.Raise, ast.Continue, ast.Break)
"""What follows one of these in its block never runs."""


def _rows(lines: list[str], indent: str) -> bytes:
    return "".join(f"{indent}{line}\n" for line in lines).encode()


def _unit(line: Line) -> str:
    """One step of indentation in this function."""
    outer = line.text.lines[line.place.function.lineno - 1]
    inner = line.text.indent(line.place.function.body[0])
    own = outer[: len(outer) - len(outer.lstrip())]
    return inner[len(own) :] or "    "


# ----------------------------------------------------------------------------------------------- deletions


def delete(line: Line) -> Iterator[Raw]:
    """The statement goes; a compound one takes its blocks with it only when they are a guard."""
    node, text, place = line.node, line.text, line.place
    if isinstance(node, ast.Pass | ast.Import | ast.ImportFrom | ast.Global | ast.Nonlocal) or not isinstance(
        node, ast.stmt
    ):
        return
    guard = (
        isinstance(node, ast.If) and len(node.body) == 1 and not node.orelse and isinstance(node.body[0], SIMPLE)
    )
    if not guard and not isinstance(node, SIMPLE):
        return
    factor = (
        1.0 if isinstance(node, ast.Continue | ast.Break | ast.Expr | ast.AugAssign) else 0.6 if guard else 0.4
    )
    if len(place.block) == 1 or not text.alone(node):
        if not guard:
            yield line.instead("delete-statement", "pass", factor)
        return
    yield Raw("delete-statement", factor, (_lifted(line),), whole=True)


# -------------------------------------------------------------------------------------------------- guards


def guards(line: Line) -> Iterator[Raw]:
    """`if not x: return ...`, `continue`, `break` before the statement."""
    node, place = line.node, line.place
    unit = _unit(line)
    first = place.parent is place.function and place.index <= 1
    parameters = line.scope.parameters(place.function)
    used = _loaded(node)
    results = _results(line)
    if place.parent is place.function or first:
        for rank, test in enumerate(_tests(line, [name for name in (*parameters, *used) if name in line.names()])):
            for order, result in enumerate(results[:5]):
                factor = (1.0 if first else 0.35) * 0.9**rank * 0.8**order
                yield from line.before("early-return", [f"if {test}:", f"{unit}return {result}".rstrip()], factor)
    if place.loop is not None:
        for rank, test in enumerate(_tests(line, used)):
            factor = 0.6 * 0.9**rank
            yield from line.before("early-continue", [f"if {test}:", f"{unit}continue"], factor)
            yield from line.before("early-continue", [f"if {test}:", f"{unit}break"], 0.4 * factor)
            if rank < 3:
                for result in results[:2]:
                    yield from line.before(
                        "early-return", [f"if {test}:", f"{unit}return {result}".rstrip()], 0.4 * factor
                    )


def _results(line: Line) -> list[str]:
    """What an early return could give: what the function returns elsewhere, empty values, a parameter."""
    parameters = line.scope.parameters(line.place.function)
    if line.place.function.name == "__init__" or line.place.function in line.scope.generators:
        return [""]
    seen = [
        source
        for source, node in line.scope.returned.items()
        if isinstance(node, ast.Constant | ast.Name | ast.List | ast.UnaryOp)
    ]
    usable = [s for s in seen if not s.isidentifier() or s in ("None", "True", "False") or s in parameters]
    rest = ["None", "[]", "0", "''", *parameters[:1], "False", "1", "True"]
    returned = [line.scope.kind(node) for node in line.scope.returned.values()]
    empty = {"list": "[]", "int": "0", "str": "''", "bool": "False", "dict": "{}", "set": "set()", "float": "0.0"}
    typed = [empty[kind] for kind in returned if kind in empty]
    lists = [f"[{', '.join('[]' for _ in range(1))}]"] if "[]" in typed else []
    if not line.scope.returned:
        return ["", *usable]
    return list(dict.fromkeys([*typed, *usable, *rest[:3], *lists, *rest[3:]]))


def _tests(line: Line, names: list[str]) -> list[str]:
    """Tests under which there may be nothing to do."""
    tests: list[tuple[float, str]] = []
    for rank, name in enumerate(dict.fromkeys(names)):
        kind = line.kind(name)
        near = 0.85**rank
        if kind in NUMERIC:
            tests += [
                (0.9 * near, f"{name} == 0"),
                (0.9 * near, f"{name} <= 0"),
                (0.7 * near, f"{name} < 0"),
                (0.4 * near, f"{name} == 1"),
                (0.4 * near, f"{name} <= 1"),
            ]
        elif kind in SIZED:
            tests += [
                (1.0 * near, f"not {name}"),
                (0.35 * near, f"len({name}) <= 1"),
                (0.4 * near, f"{name} is None"),
            ]
        elif kind == "bool":
            tests += [(0.6 * near, f"not {name}"), (0.6 * near, name)]
        else:
            tests += [(0.9 * near, f"not {name}"), (0.6 * near, f"{name} is None"), (0.3 * near, name)]
    for one in names:
        for other in line.names():
            if line.kind(other) in ("set", "dict") and one != other:
                tests.append((1.0, f"{one} in {other}"))
                tests.append((0.3, f"{one} not in {other}"))
            elif one != other and line.kind(one) == line.kind(other) and one in names[:2]:
                tests.append((0.25, f"{one} == {other}"))
    return [test for _, test in sorted(tests, key=lambda pair: -pair[0])][:9]


def _loaded(node: ast.AST) -> list[str]:
    """Names that a statement's own line reads, in order."""
    found: list[str] = []
    for field, value in ast.iter_fields(node):
        if field in ("body", "orelse", "finalbody", "handlers", "cases"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                found += [n.id for n in ast.walk(part) if isinstance(n, ast.Name) and n.id not in BUILTINS]
    return list(dict.fromkeys(found))


def wrap_in_condition(line: Line) -> Iterator[Raw]:
    """The statement happens only under a condition: `if k not in d:` before `d[k] = []`."""
    node, text = line.node, line.text
    if not isinstance(
        node, ast.Assign | ast.AugAssign | ast.Expr | ast.Return | ast.Delete | ast.Raise
    ) or not text.alone(node):
        return
    unit, indent = _unit(line), text.indent(node)
    first, last = text.first_line(node), text.last_line(node)
    rows = text.lines[first - 1 : last]
    if any("'''" in row or '"""' in row for row in rows):
        return
    start = text.line_start(first)
    end = text.line_start(last) + len(text.lines[last - 1].encode())
    for test, factor in _circumstances(line):
        new = "\n".join([f"{indent}if {test}:", *(unit + row for row in rows)])
        splice = Splice(start, end, new.encode())
        header = (f"if {test}:", f"{unit}pass")
        yield Raw("wrap-in-condition", factor, (splice,), whole=True, rows=header, beside="around")


def _circumstances(line: Line) -> Iterator[tuple[str, float]]:
    node = line.node
    for part in ast.walk(node):
        if isinstance(part, ast.Subscript) and not isinstance(part.slice, ast.Slice):
            index, owner = line.text.segment(part.slice), line.text.segment(part.value)
            stored = isinstance(part.ctx, ast.Store)
            yield f"{index} not in {owner}", 1.0 if stored else 0.4
            yield f"{index} in {owner}", 0.3 if stored else 0.8
    used = [name for name in _loaded(node) if name in line.names()]
    for rank, name in enumerate(reversed(used)):
        yield name, 0.7 * 0.85**rank
        if line.kind(name) not in NUMERIC | SIZED:
            yield f"{name} is not None", 0.5 * 0.85**rank
        for other in line.names():
            if (
                line.kind(other) in ("set", "list", "dict")
                and other != name
                and line.kind(name) not in ("list", "set", "dict")
            ):
                yield f"{name} not in {other}", 0.5
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Name):
        target, value = node.targets[0].id, node.value.id
        yield f"{value} > {target}", 0.4
        yield f"{value} < {target}", 0.4
    for clause in list(line.scope.conditions)[:5]:
        yield clause, 0.3


# ---------------------------------------------------------------------------------------------- insertions


def missing(line: Line) -> Iterator[Raw]:
    """A statement that seems to be missing before this one, or after the last one of a block."""
    place = line.place
    last = place.next is None and not isinstance(line.node, JUMPS)
    for new, factor in _likely(line, False):
        yield from line.before("insert-statement", [new], factor * (0.5 if last else 0.8))
    if last:
        for new, factor in _likely(line, True):
            yield from line.after("insert-statement", [new], factor)
    yield from _flush(line)
    yield from _copies(line, last)
    yield from _from_sisters(line, last)


def _from_sisters(line: Line, last: bool) -> Iterator[Raw]:
    """A statement that other methods of the class have and this one lacks."""
    own = {ast.unparse(place.node) for place in line.text.places if isinstance(place.node, SIMPLE)}
    visible = set(line.names()) | {"self", "cls"} | BUILTINS
    seen = 0
    for method, source in line.scope.module.statements.get(line.scope.owner or "", ()):
        if method == line.text.function.name or source in own or seen >= 6 or _wipes(source):
            continue
        names = [
            n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)
        ]
        if names and all(name in visible for name in names):
            seen += 1
            yield from line.before("insert-copy", [source], 0.8 * 0.9**seen)
            if last:
                yield from line.after("insert-copy", [source], 0.9 * 0.9**seen)


def _wipes(source: str) -> bool:
    """Whether a statement sets state of an object to a new empty or constant value: what `__init__` may do, and
    what makes tests pass elsewhere by throwing away what the object holds."""
    node = ast.parse(source).body[0]
    if not isinstance(node, ast.Assign) or not any(isinstance(t, ast.Attribute) for t in node.targets):
        return False
    value = node.value
    empty = isinstance(value, ast.List | ast.Tuple | ast.Set | ast.Dict) or (
        isinstance(value, ast.Call) and not value.args and not value.keywords
    )
    return empty or isinstance(value, ast.Constant)


def _likely(line: Line, last: bool) -> Iterator[tuple[str, float]]:
    """One-line statements with what speaks for them, at the end of a block or within it."""
    place = line.place
    names = line.names()
    if last:
        yield from _endings(line)
    if place.loop is not None:
        yield from _steps(line, last)
    else:
        for name in names:
            for item in line.scope.parameters(place.function)[:2]:
                if line.kind(name) == "set" and item != name:
                    yield f"{name}.add({item})", 0.7
    own = [n for n in names if place.loop is None or n in _loaded(place.loop) or n in _stored_in(place.loop)]
    for name in own[:6]:
        for other in own[:6]:
            if name != other and line.kind(name) == line.kind(other):
                kept = name.startswith(("prev", "last"))
                yield f"{name} = {other}", 1.0 if kept else 0.3 if line.kind(name) else 0.15
    owner = line.scope.self_name
    if owner and place.function.name == "__init__":
        assigned = {
            n.attr
            for n in ast.walk(place.function)
            if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)
        }
        for name in line.scope.parameters(place.function):
            if name not in assigned and f"_{name}" not in assigned:
                yield f"{owner}.{name} = {name}", 1.0


def _endings(line: Line) -> Iterator[tuple[str, float]]:
    place = line.place
    if place.parent is place.function and place.function not in line.scope.generators:
        if not isinstance(line.node, ast.Return):
            for rank, name in enumerate([*reversed(line.scope.accumulators), *line.names()]):
                if name in line.names():
                    yield f"return {name}", 1.5 * 0.8**rank
            for new in ("return False", "return True", "return None", "return []", "return 0", "return -1"):
                yield new, 0.4
            owner = line.scope.self_name
            if owner:
                yield f"return {owner}", 0.3
    elif place.loop is not None and place.parent is not place.loop:
        yield "break", 0.8
        yield "continue", 0.8
    if place.loop is not None and place.parent is place.loop:
        yield "break", 0.3
    if isinstance(place.parent, ast.If | ast.For | ast.While) and place.function not in line.scope.generators:
        for rank, source in enumerate(line.scope.returned):
            yield f"return {source}", 0.35 * 0.8**rank


def _steps(line: Line, last: bool) -> Iterator[tuple[str, float]]:
    """Progress of a loop: counters, collected items, visited marks."""
    place, loop = line.place, line.place.loop
    if loop is None:
        return
    tested = _loaded(loop)
    items = [name for name in _stored_in(loop) if name in line.names()]
    for name in line.names():
        kind = line.kind(name)
        if kind == "int":
            factor = 1.0 if isinstance(loop, ast.While) and name in tested else 0.35
            yield f"{name} += 1", factor if last or place.loop is place.parent else 0.8 * factor
            yield f"{name} -= 1", 0.5 * factor
        else:
            yield from _collected(name, kind, [item for item in items if item != name])
    if isinstance(loop, ast.For) and isinstance(loop.target, ast.Name):
        for name in line.names():
            if name.startswith(("prev", "last")):
                yield f"{name} = {loop.target.id}", 1.0


def _collected(name: str, kind: str, items: list[str]) -> Iterator[tuple[str, float]]:
    """What a loop does with a variable that gathers: takes one more in, or starts anew."""
    if kind in ("set", "list", "deque"):
        verb = "add" if kind == "set" else "append"
        for rank, item in enumerate(items[:4]):
            yield f"{name}.{verb}({item})", (1.1 if kind == "set" else 0.6) * 0.8**rank
    elif kind == "dict":
        for rank, item in enumerate(items[:3]):
            yield f"{name}[{item}] = {items[rank - 1] if len(items) > 1 else 'True'}", 0.2
    if kind in ("list", "str"):
        yield f"{name} = {'[]' if kind == 'list' else repr('')}", 0.6


def _stored_in(loop: ast.AST) -> list[str]:
    found = [n.id for n in ast.walk(loop) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    return list(dict.fromkeys(found))


def _flush(line: Line) -> Iterator[Raw]:
    """After a loop: what the loop does to its collector, once more for what is left over."""
    loop, put = line.node, line.after
    if isinstance(line.place.previous, LOOPS):
        loop, put = line.place.previous, line.before
    if not isinstance(loop, LOOPS):
        return
    unit = _unit(line)
    for source in _calls_in(loop)[:4]:
        names = [n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)]
        for name in dict.fromkeys(names):
            if name in line.scope.accumulators:
                yield from put("insert-copy", [f"if {name}:", f"{unit}{source}"], 1.2)
        yield from put("insert-copy", [source], 0.8)


def _calls_in(node: ast.AST) -> list[str]:
    found = [ast.unparse(n) for n in ast.walk(node) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Call)]
    found += [f"yield {ast.unparse(n.value)}" for n in ast.walk(node) if isinstance(n, ast.Yield) and n.value]
    return list(dict.fromkeys(found))


def _copies(line: Line, last: bool) -> Iterator[Raw]:
    """A copy of another simple statement of the function, as it stands or with one variable replaced."""
    visible = {*line.names(), "self", "cls", *BUILTINS, *line.scope.module.functions}
    seen = 0
    for place, node, source, names in line.scope.simple:
        if place.node is line.node or seen >= 8 or not names <= visible:
            continue
        seen += 1
        factor = 0.5 if isinstance(node, ast.Expr | ast.AugAssign) else 0.35
        yield from line.before("insert-copy", [source], factor * 0.7)
        if last:
            yield from line.after("insert-copy", [source], factor)
        if isinstance(line.node, ast.Return) and place.loop is None:
            continue
        yield from _variants(line, node, last)


def _variants(line: Line, node: ast.Assign | ast.AugAssign | ast.Expr, last: bool) -> Iterator[Raw]:
    """The statement about another variable of the same kind: `left += 1` -> `right += 1`."""
    used = [n.id for n in ast.walk(node) if isinstance(n, ast.Name)]
    for name in dict.fromkeys(used):
        kind = line.kind(name)
        others = [other for other in line.names() if other not in used and kind and line.kind(other) == kind]
        for other in others[:2]:
            renamed = ast.parse(ast.unparse(node)).body[0]
            for part in ast.walk(renamed):
                if isinstance(part, ast.Name) and part.id == name:
                    part.id = other
            new = ast.unparse(renamed)
            if last:
                yield from line.after("insert-copy", [new], 0.2)
            else:
                yield from line.before("insert-copy", [new], 0.15)


# --------------------------------------------------------------------------------------------------- moves


def moves(line: Line) -> Iterator[Raw]:
    """Out of a block, into the block above, up or down one statement."""
    node, text, place = line.node, line.text, line.place
    if not isinstance(node, ast.stmt) or not text.alone(node):
        return
    rows = text.lines[text.first_line(node) - 1 : text.last_line(node)]
    if any("'''" in row or '"""' in row for row in rows):
        return
    parent, previous = place.parent, place.previous
    if (
        place.next is None
        and isinstance(parent, ast.stmt)
        and not isinstance(parent, SCOPES)
        and text.alone(parent)
    ):
        yield from _outdent(line, parent, rows)
    if isinstance(previous, ast.For | ast.While | ast.If | ast.With) and text.leads(previous):
        block: list[ast.stmt] = previous.body
        tail = getattr(previous, "orelse", [])
        target = tail or block
        if text.leads(target[0]):
            indent = text.indent(target[0])
            first = text.line_start(text.first_line(node))
            end = text.line_start(text.last_line(node)) + len(rows[-1].encode())
            own = text.indent(node)
            new = "\n".join(indent + row[len(own) :] if row.strip() else row for row in rows)
            factor = 1.0 if isinstance(node, ast.AugAssign | ast.Expr | ast.Return) else 0.5
            yield Raw("move-into-block", factor, (Splice(first, end, new.encode()),), whole=True)
    if isinstance(previous, ast.stmt) and text.alone(previous) and not isinstance(node, JUMPS):
        yield _exchanged(line, previous, node)
    if isinstance(place.next, ast.stmt) and text.alone(place.next) and not isinstance(place.next, JUMPS):
        yield _exchanged(line, node, place.next)
    yield from _between_levels(line, rows)
    yield from _far(line, rows)


def _lifted(line: Line) -> Splice:
    """Takes the statement's lines away."""
    text = line.text
    start, last = text.line_start(text.first_line(line.node)), text.last_line(line.node)
    if last < len(text.lines):
        return Splice(start, text.line_start(last + 1), b"")
    return Splice(start - 1, len(text.data), b"")


def _between_levels(line: Line, rows: list[str]) -> Iterator[Raw]:
    """What is set up once moves into the loop after it; what is set up in each turn moves before the loop."""
    node, text, place = line.node, line.text, line.place
    own = text.indent(node)
    if isinstance(place.next, LOOPS) and isinstance(node, SIMPLE) and text.leads(place.next.body[0]):
        first = place.next.body[0]
        at = text.line_start(text.first_line(first))
        new = "".join(f"{text.indent(first)}{row[len(own) :]}\n" for row in rows)
        yield Raw("move-into-block", 1.0, (_lifted(line), Splice(at, at, new.encode())), whole=True)
    parent = place.parent
    if isinstance(parent, LOOPS) and place.index == 0 and len(place.block) > 1 and place.name == "body":
        at = text.line_start(text.first_line(parent))
        if text.leads(parent) and isinstance(node, ast.Assign):
            new = "".join(f"{text.indent(parent)}{row[len(own) :]}\n" for row in rows)
            yield Raw("move-out-of-block", 1.0, (_lifted(line), Splice(at, at, new.encode())), whole=True)


def _far(line: Line, rows: list[str]) -> Iterator[Raw]:
    """To the end or the start of its block, when that is more than one statement away."""
    node, text, place = line.node, line.text, line.place
    if (
        not isinstance(node, SIMPLE)
        or isinstance(node, JUMPS)
        or not all(isinstance(other, ast.stmt) and text.leads(other) for other in place.block)
    ):
        return
    new = "".join(f"{row}\n" for row in rows).encode()
    final = place.block[-1]
    if place.index + 2 < len(place.block) or (
        place.index + 1 < len(place.block) and not isinstance(final, SIMPLE)
    ):
        at = text.last_line(final)
        if at < len(text.lines):
            here = text.line_start(at + 1)
            yield Raw("move-statement", 0.8, (_lifted(line), Splice(here, here, new)), whole=True)
    if place.index > 1:
        at = text.line_start(text.first_line(place.block[0]))
        yield Raw("move-statement", 0.5, (_lifted(line), Splice(at, at, new)), whole=True)


def _outdent(line: Line, parent: ast.stmt, rows: list[str]) -> Iterator[Raw]:
    node, text, place = line.node, line.text, line.place
    indent, own = text.indent(parent), text.indent(node)
    after = [row for row in text.lines[text.last_line(node) : text.last_line(parent)] if row.strip()]
    new = "\n".join(indent + row[len(own) :] if row.startswith(own) else row for row in rows)
    first = text.line_start(text.first_line(node))
    end = text.line_start(text.last_line(node)) + len(rows[-1].encode())
    alone = len(place.block) == 1
    factor = 1.2 if isinstance(node, ast.Return) and isinstance(parent, LOOPS) else 0.8
    if (alone and place.name != "body") or (alone and isinstance(parent, ast.If) and place.name == "orelse"):
        return
    if alone:
        new = f"{own}pass\n{new}"
    if not after:
        yield Raw(
            "move-out-of-block", factor * (0.3 if alone else 1.0), (Splice(first, end, new.encode()),), whole=True
        )


def _exchanged(line: Line, upper: ast.stmt, lower: Statement) -> Raw:
    text = line.text
    first, middle = text.line_start(text.first_line(upper)), text.line_start(text.first_line(lower))
    last = text.last_line(lower)
    end = text.line_start(last) + len(text.lines[last - 1].encode())
    one, other = text.data[first:middle].rstrip(b"\n"), text.data[middle:end]
    gap = text.data[first + len(one) : middle]
    return Raw("move-statement", 1.0, (Splice(first, end, other + gap + one),), whole=True)


def else_branches(line: Line) -> Iterator[Raw]:
    """`else:` dropped so that its block always runs; what follows an `if` becomes its `else`; `if` <-> `elif`."""
    node, text, place = line.node, line.text, line.place
    if not isinstance(node, ast.If | ast.For | ast.While) or not text.leads(node):
        return
    if isinstance(node, ast.If):
        previous = place.previous
        start = text.start(node)
        if isinstance(previous, ast.If) and text.leads(previous):
            yield Raw("if-to-elif", 1.0, (Splice(start, start, b"el"),), whole=True)
    if node.orelse and not (isinstance(node.orelse[0], ast.If) and not text.leads(node.orelse[0])):
        yield from _drop_else(line, node)
        if isinstance(node, ast.If):
            yield from _condition_else(line, node)


def _condition_else(line: Line, node: ast.If) -> Iterator[Raw]:
    """`else:` -> `elif c:` with a condition of the function or a variable's truth."""
    text = line.text
    at = text.data.rfind(b"else", text.end(node.body[-1]), text.start(node.orelse[0]))
    if at < 0 or text.data[at : text.start(node.orelse[0])].strip() != b"else:":
        return
    known = {tell(node.test)}
    tests = [(clause, 0.5) for clause, test in line.scope.conditions.items() if tell(test) not in known][:4]
    for name in line.names():
        if line.kind(name) in SIZED | {"bool", ""}:
            tests += [(name, 0.7), (f"not {name}", 0.6)]
    for rank, (test, factor) in enumerate(tests[:14]):
        splice = Splice(at, at + 4, f"elif {test}".encode())
        yield Raw("else-to-elif", factor * 0.93**rank, (splice,), whole=True)


def _drop_else(line: Line, node: ast.If | ast.For | ast.While) -> Iterator[Raw]:
    text = line.text
    if not all(text.leads(part) for part in node.orelse):
        return
    first, last = text.first_line(node.orelse[0]), text.last_line(node.orelse[-1])
    header = first - 1
    while header > text.last_line(node.body[-1]) and not text.lines[header - 1].lstrip().startswith("else"):
        header -= 1
    rows = text.lines[first - 1 : last]
    if not text.lines[header - 1].lstrip().startswith("else") or any("'''" in row or '"""' in row for row in rows):
        return
    own, indent = text.indent(node.orelse[0]), text.indent(node)
    moved = "\n".join(indent + row[len(own) :] if row.startswith(own) else row for row in rows)
    start = text.line_start(header)
    end = text.line_start(last) + len(text.lines[last - 1].encode())
    yield Raw("drop-else", 1.0, (Splice(start, end, moved.encode()),), whole=True)


def elif_to_if(line: Line) -> Iterator[Raw]:
    """`elif` -> `if`."""
    node, text = line.node, line.text
    start = text.start(node)
    if isinstance(node, ast.If) and text.data.startswith(b"elif", start):
        yield Raw("elif-to-if", 1.0, (Splice(start, start + 2, b""),), whole=True)


# -------------------------------------------------------------------------------------------- replacements


def jumps(line: Line) -> Iterator[Raw]:
    """`break` <-> `continue` <-> `return`; `return` <-> `yield`; `pass` -> something."""
    node, place = line.node, line.place
    generator = place.function in line.scope.generators
    if isinstance(node, ast.Break | ast.Continue):
        yield line.instead("swap-jump", "continue" if isinstance(node, ast.Break) else "break", 1.5)
        for rank, source in enumerate([*line.scope.returned][:4] if not generator else [""]):
            yield line.instead("swap-jump", f"return {source}".rstrip(), 0.5 * 0.8**rank)
        yield line.instead("swap-jump", "pass", 0.2)
    elif isinstance(node, ast.Return):
        yield from _other_return(line, node, generator)
    elif isinstance(node, ast.Pass):
        for source in line.scope.returned:
            yield line.instead("swap-jump", f"return {source}", 0.4)
        yield line.instead("swap-jump", "raise" if isinstance(place.parent, ast.ExceptHandler) else "return", 0.5)
        if place.loop is not None:
            yield line.instead("swap-jump", "continue", 0.6)
            yield line.instead("swap-jump", "break", 0.5)


def _other_return(line: Line, node: ast.Return, generator: bool) -> Iterator[Raw]:
    if line.place.loop is not None:
        yield line.instead("swap-jump", "continue", 0.5)
        yield line.instead("swap-jump", "break", 0.5)
    if node.value is None:
        for rank, name in enumerate([*reversed(line.scope.accumulators), *line.names()][:4]):
            if name in line.names() and not generator:
                yield line.instead("replace-return", f"return {name}", 1.0 * 0.8**rank)
        return
    if generator and isinstance(line.place.function, ast.FunctionDef):
        start = line.text.start(node)
        yield Raw("swap-yield", 1.0, (Splice(start, start + 6, b"yield"),))
        yield Raw("swap-yield", 1.0, (Splice(start, start + 6, b"yield from"),))
    for rank, source in enumerate(line.scope.raised):
        yield line.instead("swap-jump", f"raise {source}", 0.3 * 0.8**rank)


def missing_return(line: Line) -> Iterator[Raw]:
    """A value that is computed and thrown away: `f(x)` -> `return f(x)`, `x = f(x)`, `yield from f(x)`."""
    node, text = line.node, line.text
    if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant):
        return
    start = text.start(node)
    if isinstance(node.value, ast.Yield | ast.YieldFrom | ast.Await):
        return
    own = (
        isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and (node.value.func.id == line.place.function.name)
    )
    if line.place.function in line.scope.generators:
        if isinstance(line.place.function, ast.FunctionDef):
            yield Raw("missing-return", 1.0, (Splice(start, start, b"yield from "),))
            yield Raw("missing-return", 0.5, (Splice(start, start, b"yield "),))
        return
    yield Raw("missing-return", 1.5 if own else 0.5, (Splice(start, start, b"return "),))
    if isinstance(node.value, ast.Compare) and len(node.value.ops) == 1 and isinstance(node.value.ops[0], ast.Eq):
        yield line.instead(
            "missing-return", f"{text.segment(node.value.left)} = {text.segment(node.value.comparators[0])}", 1.0
        )
    if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        owner = text.segment(node.value.func.value)
        yield Raw("missing-return", 0.8, (Splice(start, start, f"{owner} = ".encode()),))
    elif isinstance(node.value, ast.Call):
        for name in line.names():
            if any(isinstance(part, ast.Name) and part.id == name for part in node.value.args):
                yield Raw("missing-return", 0.5, (Splice(start, start, f"{name} = ".encode()),))


def assignments(line: Line) -> Iterator[Raw]:
    """`x = e` <-> `x += e`; another sign; `x = e` -> `x.append(e)`; other first values."""
    node, text = line.node, line.text
    if isinstance(node, ast.AugAssign):
        yield from _augmented(line, node)
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return
    target, value = node.targets[0], node.value
    gap = Splice(text.end(target), text.start(value), b"")
    around = text.parenthesised(value)
    end = around[0] if around is not None and around[0] >= text.end(target) else text.start(value)
    if not isinstance(target, ast.Tuple):
        known = (isinstance(target, ast.Name) and target.id in line.scope.accumulators) or isinstance(
            target, ast.Subscript | ast.Attribute
        )
        for sign, factor in (("+=", 1.0), ("-=", 0.3), ("|=", 0.1), ("*=", 0.1)):
            weight = factor * (1.0 if line.place.loop is not None or known else 0.15)
            yield Raw("swap-assignment", weight, (Splice(gap.start, end, f" {sign} ".encode()),))
        if isinstance(target, ast.Name) and line.place.loop is None:
            yield from _first_values(line, value)
    if isinstance(target, ast.Name) and line.kind(target.id) == "list" and line.place.loop is not None:
        yield line.instead("assign-to-append", f"{target.id}.append({text.segment(value)})", 0.4)
    owner = line.scope.self_name
    if isinstance(target, ast.Name) and owner and target.id not in line.scope.accumulators:
        start = text.start(target)
        yield Raw("missing-self", 0.5, (Splice(start, start, f"{owner}.".encode()),))


_SIGNS: dict[type[ast.operator], tuple[tuple[str, float], ...]] = {
    ast.Add: (("-=", 1.0), ("=", 0.8), ("*=", 0.4), ("|=", 0.05)),
    ast.Sub: (("+=", 1.0), ("=", 0.5), ("//=", 0.2), ("%=", 0.2)),
    ast.Mult: (("+=", 0.8), ("//=", 0.4), ("/=", 0.4), ("**=", 0.3), ("=", 0.3)),
    ast.Div: (("//=", 1.0), ("*=", 0.5), ("-=", 0.2)),
    ast.FloorDiv: (("/=", 0.6), ("%=", 0.8), ("-=", 0.5), ("*=", 0.2), (">>=", 0.1)),
    ast.Mod: (("//=", 1.0), ("-=", 0.3), ("=", 0.2)),
    ast.BitOr: (("&=", 1.0), ("^=", 0.5), ("=", 0.4)),
    ast.BitAnd: (("|=", 1.0), ("^=", 0.5), ("-=", 0.3)),
    ast.BitXor: (("&=", 1.0), ("|=", 1.0)),
    ast.LShift: ((">>=", 1.0),),
    ast.RShift: (("<<=", 1.0), ("//=", 0.1)),
    ast.Pow: (("*=", 1.0),),
}


def _augmented(line: Line, node: ast.AugAssign) -> Iterator[Raw]:
    text = line.text
    start = text.end(node.target)
    at = text.data.index(b"=", start) + 1
    while text.data[start : start + 1].isspace():
        start += 1
    for sign, factor in _SIGNS.get(type(node.op), ()):
        yield Raw("swap-assignment", factor, (Splice(start, at, sign.encode()),))
    if isinstance(node.op, ast.Add) and isinstance(node.target, ast.Name | ast.Attribute):
        target, value = text.segment(node.target), text.segment(node.value)
        kind = line.scope.kind(node.target)
        if kind in ("list", ""):
            yield line.instead("assign-to-append", f"{target}.append({value})", 0.6 if kind else 0.15)
        if kind in ("str", ""):
            wrapped = value if level(node.value) > 9 else f"({value})"
            yield line.instead("swap-operands", f"{target} = {wrapped} + {target}", 1.0 if kind else 0.3)
        if kind in NUMERIC:
            yield line.instead("clamp", f"{target} = max({target}, {value})", 0.5)
            yield line.instead("clamp", f"{target} = min({target}, {value})", 0.4)


def _first_values(line: Line, value: ast.expr) -> Iterator[Raw]:
    if not isinstance(
        value, ast.Constant | ast.List | ast.Dict | ast.Set | ast.Call | ast.Name | ast.UnaryOp | ast.Subscript
    ):
        return
    rich = isinstance(value, ast.Call | ast.Subscript)
    options = [
        ("0", 0.7),
        ("1", 0.6),
        ("[]", 0.5),
        ("{}", 0.4),
        ("None", 0.5),
        ("''", 0.3),
        ("float('-inf')", 0.5),
    ]
    options += [("float('inf')", 0.5), ("set()", 0.3), ("-1", 0.4), ("False", 0.2), ("True", 0.2)]
    start, end = line.text.start(value), line.text.end(value)
    for new, factor in options:
        yield Raw("initial-value", factor * (0.3 if rich else 1.0), (Splice(start, end, new.encode()),))
    for name in line.scope.parameters(line.place.function):
        kind = line.kind(name)
        if kind in ("list", "str", "tuple", ""):
            yield Raw("initial-value", 0.5, (Splice(start, end, f"{name}[0]".encode()),))
        if kind in SIZED | {""}:
            yield Raw("initial-value", 0.25, (Splice(start, end, f"len({name})".encode()),))
            yield Raw("initial-value", 0.2, (Splice(start, end, f"len({name}) - 1".encode()),))


def loops(line: Line) -> Iterator[Raw]:
    """`while` <-> `if`; a loop over a reversed, copied or indexed sequence."""
    node, text = line.node, line.text
    start = text.start(node)
    if isinstance(node, ast.While) and not node.orelse:
        yield Raw("while-or-if", 1.0, (Splice(start, start + 5, b"if"),))
    elif isinstance(node, ast.If) and not node.orelse and text.leads(node):
        yield Raw("while-or-if", 0.5, (Splice(start, start + 2, b"while"),))
    if (
        isinstance(node, ast.For)
        and isinstance(node.target, ast.Tuple) is False
        and isinstance(node.iter, ast.Name)
    ):
        source, target = text.segment(node.iter), text.segment(node.target)
        begin, end = text.start(node.iter), text.end(node.iter)
        for name in [n for n in line.names() if line.kind(n) == "int"][:3]:
            yield Raw("loop-over", 0.4, (Splice(begin, end, f"{source}[{name}:]".encode()),))
            yield Raw("loop-over", 0.3, (Splice(begin, end, f"{source}[:{name}]".encode()),))
        for new, factor in (
            (f"reversed({source})", 0.5),
            (f"sorted({source})", 0.5),
            (f"{source}[1:]", 0.5),
            (f"{source}[:-1]", 0.2),
            (f"list({source})", 0.6),
            (f"range(len({source}))", 0.3),
            (f"set({source})", 0.2),
        ):
            yield Raw("loop-over", factor, (Splice(begin, end, new.encode()),))
        if line.kind(source) in ("dict", ""):
            yield Raw(
                "loop-over",
                0.3,
                (Splice(text.start(node.target), end, f"_, {target} in enumerate({source})".encode()),),
            )


def raising(line: Line) -> Iterator[Raw]:
    """Another exception class: those raised and caught nearby, and the usual ones."""
    node, text = line.node, line.text
    if not isinstance(node, ast.Raise) or node.exc is None:
        return
    function = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    known = [tell_name(other) for other in line.scope.raised.values()]
    usual = [
        "ValueError",
        "KeyError",
        "TypeError",
        "IndexError",
        "RuntimeError",
        "StopIteration",
        "ZeroDivisionError",
    ]
    start, end = text.start(function), text.end(function)
    for rank, name in enumerate(dict.fromkeys([*known, *usual])):
        if name and name != text.segment(function):
            yield Raw("exception-class", 0.9**rank, (Splice(start, end, name.encode()),))


def tell_name(node: ast.expr) -> str:
    """The class that an expression raises, as written."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node)


_CATCHES = (
    "ValueError",
    "KeyError",
    "IndexError",
    "TypeError",
    "Exception",
    "AttributeError",
    "ZeroDivisionError",
    "OSError",
    "StopIteration",
    "LookupError",
)
_RELATED = {
    "KeyError": ("IndexError", "LookupError", "TypeError", "AttributeError", "ValueError"),
    "IndexError": ("KeyError", "LookupError", "ValueError", "TypeError"),
    "ValueError": ("TypeError", "KeyError", "IndexError", "ArithmeticError"),
    "TypeError": ("ValueError", "AttributeError", "KeyError"),
    "AttributeError": ("TypeError", "KeyError"),
    "ZeroDivisionError": ("ArithmeticError", "ValueError"),
    "Exception": ("ValueError", "KeyError", "TypeError"),
}


def catching(line: Line) -> Iterator[Raw]:
    """`except` too narrow, too broad, or for the wrong class."""
    node, text = line.node, line.text
    for handler in node.handlers if isinstance(node, ast.Try) else [node]:
        if not isinstance(handler, ast.ExceptHandler) or handler.type is None:
            continue
        caught = handler.type
        start, end = text.start(caught), text.end(caught)
        names = (
            [text.segment(part) for part in caught.elts]
            if isinstance(caught, ast.Tuple)
            else [text.segment(caught)]
        )
        near = [name for name in line.names() if "err" in name or "exc" in name]
        near += [other for name in names for other in _RELATED.get(name, ())]
        for rank, other in enumerate(dict.fromkeys([*near, *_CATCHES])):
            if other not in names:
                both = f"({', '.join([*names, other])})"
                yield Raw("exception-class", 0.9**rank, (Splice(start, end, both.encode()),), whole=True)
                if len(names) == 1:
                    yield Raw(
                        "exception-class", 0.8 * 0.9**rank, (Splice(start, end, other.encode()),), whole=True
                    )
        if len(names) > 1:
            for name in names:
                yield Raw("exception-class", 0.5, (Splice(start, end, name.encode()),), whole=True)


# ----------------------------------------------------------------------------------------------- signature


def defaults(line: Line) -> Iterator[Raw]:
    """Defaults of the function whose first statement this is: a mutable one is made anew in each call."""
    place, text = line.place, line.text
    function = place.function
    docstring = (
        place.index == 1
        and text.places
        and place.order == min(p.order for p in text.places if p.function is function)
    )
    if place.parent is not function or not (place.index == 0 or docstring) or not text.leads(line.node):
        return
    unit, indent = _unit(line), text.indent(line.node)
    start = text.line_start(text.first_line(line.node))
    for argument, default in function_defaults(function):
        old = Splice(text.start(default), text.end(default), b"None")
        source, name = text.segment(default), argument.arg
        made = (
            isinstance(default, ast.Call)
            and isinstance(default.func, ast.Name)
            and default.func.id in ("list", "dict", "set")
        )
        if isinstance(default, ast.List | ast.Dict | ast.Set) or made:
            rows = [f"if {name} is None:", f"{unit}{name} = {source}"]
            yield Raw("mutable-default", 3.0, (old, Splice(start, start, _rows(rows, indent))), whole=True)
        for new, factor in _other_defaults(default):
            yield Raw("replace-default", factor, (Splice(old.start, old.end, new.encode()),), whole=True)


def _other_defaults(default: ast.expr) -> Iterator[tuple[str, float]]:
    if not isinstance(default, ast.Constant):
        return
    if isinstance(default.value, bool):
        yield str(not default.value), 1.5
    elif isinstance(default.value, int):
        yield repr(default.value + 1), 0.6
        yield repr(default.value - 1), 0.6
        yield from (("None", 0.4), ("0", 0.5), ("1", 0.5))
    elif isinstance(default.value, str):
        yield from (("''", 0.5), ("' '", 0.4), ("None", 0.3))
    elif default.value is None:
        yield from (("()", 0.3), ("0", 0.3), ("''", 0.3), ("False", 0.3))


def declarations(line: Line) -> Iterator[Raw]:
    """A nested function that assigns a name of the function around it: `nonlocal` is missing."""
    place = line.place
    if place.function is line.text.function or place.parent is not place.function or place.index:
        return
    assigned = {n.id for n in ast.walk(place.function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    own = set(line.scope.parameters(place.function))
    outer = [p.node for p in line.text.places if p.function is line.text.function]
    known = {
        n.id
        for node in outer
        if isinstance(node, ast.Assign)
        for t in node.targets
        for n in ast.walk(t)
        if isinstance(n, ast.Name)
    }
    for name in sorted((assigned - own) & known):
        yield from line.before("missing-nonlocal", [f"nonlocal {name}"], 1.0)


RULES: tuple[Rule, ...] = (
    delete,
    guards,
    wrap_in_condition,
    missing,
    moves,
    else_branches,
    elif_to_if,
    jumps,
    missing_return,
    assignments,
    loops,
    raising,
    catching,
    defaults,
    declarations,
)


def statement_edits(line: Line) -> Iterator[Raw]:
    """Everything that the rules propose for one statement."""
    for rule in RULES:
        yield from rule(line)

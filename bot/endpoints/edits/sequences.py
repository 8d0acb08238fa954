"""Edits of what holds several values: displays and comprehensions, subscripts and slices, lengths."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from bot.endpoints.edits.scope import NUMERIC, ORDERED, SIZED
from bot.endpoints.edits.site import ATOM, COMPARE, OPERATORS, Raw, Site, drop_item, is_target, overwrite
from bot.endpoints.edits.text import Splice, tell

# ------------------------------------------------------------------------------------------------ displays


def collections(site: Site) -> Iterator[Raw]:
    """An empty display gets a first element, or another one takes its place; `[[0] * n] * m` gets fresh rows."""
    node = site.node
    if isinstance(node, ast.List) and isinstance(node.ctx, ast.Load):
        if not node.elts:
            for rank, name in enumerate(site.names()[:4]):
                yield site.replace("replace-collection", f"[{name}]", ATOM, 0.6 * 0.8**rank)
            for new in ("[[]]", "None", "{}", "''", "set()", "[0]", "[1]"):
                yield site.replace("replace-collection", new, ATOM, 0.35)
        elif len(node.elts) == 1:
            yield site.become("replace-collection", node.elts[0], 0.6)
            yield site.replace("replace-collection", "[]", ATOM, 0.5)
    if isinstance(node, ast.Dict) and not node.keys:
        for new in ("[]", "None", "set()"):
            yield site.replace("replace-collection", new, ATOM, 0.35)
    rows = node.left if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) else None
    if isinstance(node, ast.BinOp) and isinstance(rows, ast.List) and len(rows.elts) == 1:
        row = rows.elts[0]
        if not isinstance(row, ast.Constant | ast.Name):
            yield site.replace(
                "aliased-rows", f"[{site.source(row)} for _ in range({site.source(node.right)})]", ATOM, 1.0
            )


def comprehensions(site: Site) -> Iterator[Raw]:
    """A filter is dropped or added, keys and values swap, a list becomes a set, generators change order."""
    node = site.node
    if not isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return
    text = site.text
    for generator in node.generators:
        for test in generator.ifs:
            start = text.data.rindex(b"if", 0, text.start(test))
            while text.data[start - 1 : start] == b" ":
                start -= 1
            around = text.parenthesised(test)
            end = around[1] + 1 if around is not None and around[0] > start else text.end(test)
            yield Raw("drop-filter", 0.8, (Splice(start, end, b""),))
    last = node.generators[-1]
    if not last.ifs:
        end = _outer_end(site, last.iter)
        for clause, factor in _filters(site, last.target):
            yield Raw("add-filter", factor, (Splice(end, end, f" if {clause}".encode()),))
    if isinstance(node, ast.DictComp):
        splices = (
            overwrite(site, node.key, site.source(node.value)),
            overwrite(site, node.value, site.source(node.key)),
        )
        yield Raw("swap-operands", 0.8, splices)
    elif isinstance(node, ast.ListComp):
        start, end = text.start(node), text.end(node)
        yield Raw("replace-collection", 0.2, (Splice(start, start + 1, b"{"), Splice(end - 1, end, b"}")))


def _outer_end(site: Site, node: ast.expr) -> int:
    around = site.text.parenthesised(node)
    end = site.text.end(node)
    if around is None or isinstance(node, ast.GeneratorExp):
        return end
    opened = site.text.data[: around[0]].rstrip().endswith(b"in")
    return around[1] + 1 if opened else end


def _filters(site: Site, target: ast.expr) -> Iterator[tuple[str, float]]:
    names = [n.id for n in ast.walk(target) if isinstance(n, ast.Name)]
    for name in names[:2]:
        yield name, 0.6
        yield f"{name} is not None", 0.6
        yield f"{name}.strip()", 0.2
        for clause, node in list(site.scope.conditions.items())[:4]:
            if any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(node)):
                yield clause, 0.3
        for other in site.names()[:6]:
            if site.scope.kind(ast.Name(other)) in ("set", "dict"):
                yield f"{name} not in {other}", 0.4
                yield f"{name} in {other}", 0.3
    if len(names) == 2:
        yield f"{names[0]} != {names[1]}", 0.3


def elements(site: Site) -> Iterator[Raw]:
    """An element of a display is one too many."""
    node = site.node
    if isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 2 and isinstance(node.ctx, ast.Load):
        every: list[ast.expr | ast.keyword] = [*node.elts]
        for index in range(len(every)):
            yield Raw("drop-element", 1.0, (drop_item(site, every, index),))


def tuples(site: Site) -> Iterator[Raw]:
    """`a, b` -> `b, a`."""
    node = site.node
    if isinstance(node, ast.Tuple | ast.List) and 2 <= len(node.elts) <= 4:
        stored = isinstance(node.ctx, ast.Store)
        for one, other in pairwise(node.elts):
            if (
                tell(one) != tell(other)
                and not isinstance(one, ast.Starred)
                and not isinstance(other, ast.Starred)
            ):
                splices = (overwrite(site, one, site.source(other)), overwrite(site, other, site.source(one)))
                yield Raw("swap-elements", 0.5 if stored else 1.0, splices)


# --------------------------------------------------------------------------------------------------- parts


def subscripts(site: Site) -> Iterator[Raw]:
    """`d[k]` -> `d.get(k)`; `x[0]` -> `x[-1]`; `m[i][j]` -> `m[j][i]`; slices cut, reversed, copied."""
    node = site.node
    if not isinstance(node, ast.Subscript):
        return
    owner, loaded = site.source(node.value), isinstance(node.ctx, ast.Load)
    if isinstance(node.slice, ast.Slice):
        yield from _slices(site, node, node.slice)
        return
    index = site.source(node.slice)
    kind = site.scope.kind(node.value)
    if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
        yield site.replace("replace-index", f"{owner}[-1]", ATOM, 1.0)
    elif isinstance(node.slice, ast.UnaryOp):
        yield site.replace("replace-index", f"{owner}[0]", ATOM, 1.0)
    if isinstance(node.value, ast.Subscript) and not isinstance(node.value.slice, ast.Slice):
        inner = node.value
        yield site.replace(
            "swap-indices", f"{site.source(inner.value)}[{index}][{site.source(inner.slice)}]", ATOM, 1.0
        )
    if loaded and kind not in ("list", "str", "tuple") and not isinstance(node.slice, ast.UnaryOp):
        sure = 1.0 if kind == "dict" else 0.35
        for default, factor in (("", 0.8), (", 0", 0.8), (", []", 0.5), (", ''", 0.3), (f", {index}", 0.2)):
            yield site.replace("missing-key", f"{owner}.get({index}{default})", ATOM, sure * factor)
    if loaded and kind == "dict" and isinstance(site.parent, ast.Attribute):
        for default in ("[]", "set()", "{}"):
            yield site.replace("missing-key", f"{owner}.setdefault({index}, {default})", ATOM, 0.8)
    if loaded and kind != "dict" and isinstance(node.slice, ast.Name | ast.BinOp | ast.Constant | ast.UnaryOp):
        yield site.replace("index-to-slice", f"{owner}[{index}:]", ATOM, 0.25)
        yield site.replace("index-to-slice", f"{owner}[:{index}]", ATOM, 0.15)
        yield site.become("drop-subscript", node.value, 0.4)


def _slices(site: Site, node: ast.Subscript, cut: ast.Slice) -> Iterator[Raw]:
    owner = site.source(node.value)
    lower, upper, step = (
        site.source(part) if part is not None else "" for part in (cut.lower, cut.upper, cut.step)
    )
    tail = f":{step}" if step else ""
    variants: list[tuple[str, float]] = []
    if lower:
        variants += [(f":{upper}{tail}", 0.7), (f"{upper}:{lower}{tail}" if upper else f":{lower}{tail}", 0.6)]
    else:
        variants += [(f"1:{upper}{tail}", 0.7), (f"{upper}:{tail}" if upper else "", 0.6)]
    if upper:
        variants += [(f"{lower}:{tail}", 0.7)]
        if lower:
            variants += [(f"{lower}:{lower} + {upper}{tail}", 0.5)]
    else:
        variants += [(f"{lower}:-1{tail}", 0.6)]
    variants += [(f"{lower}:{upper}:-1" if not step else f"{lower}:{upper}", 0.4)]
    if isinstance(cut.step, ast.UnaryOp):
        variants += [(f"{lower}:{upper}:{step[1:]}", 0.2)]
    for new, factor in variants:
        if new:
            yield site.replace("replace-slice", f"{owner}[{new}]", ATOM, factor)
    if isinstance(node.ctx, ast.Load):
        yield site.become("drop-subscript", node.value, 0.4)
        if lower:
            yield site.replace("slice-to-index", f"{owner}[{lower}]", ATOM, 0.3)


def add_slice(site: Site) -> Iterator[Raw]:
    """`x` -> `x[1:]`, `x[:-1]`, `x[::-1]`, `x[k:]`, `x[:k]`: a part of a sequence, or the other way round."""
    node, parent = site.node, site.parent
    sequence = site.scope.kind(node) in ORDERED and isinstance(
        node, ast.Name | ast.Call | ast.ListComp | ast.Attribute
    )
    iterated = isinstance(node, ast.Name) and site.field == "iter"
    if not (sequence or iterated) or is_target(node) or site.field == "func" or isinstance(parent, ast.Attribute):
        return
    if isinstance(parent, ast.Expr | ast.Subscript) or site.condition:
        return
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "len":
        return
    for new, factor in (("[1:]", 1.0), ("[:-1]", 0.6), ("[::-1]", 0.7)):
        yield site.around("add-slice", "", new, factor)
    numbers = [name for name in site.names() if site.scope.kind(ast.Name(name)) == "int"]
    for rank, name in enumerate(numbers[:3]):
        yield site.around("add-slice", "", f"[{name}:]", 0.9 * 0.8**rank)
        yield site.around("add-slice", "", f"[:{name}]", 0.9 * 0.8**rank)


def lengths(site: Site) -> Iterator[Raw]:
    """`x` -> `len(v)` where a number is wanted; `a == b` -> `set(a) == set(b)`, `sorted(a) == sorted(b)`."""
    node = site.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and isinstance(node.ops[0], ast.Eq | ast.NotEq):
        left, right = node.left, node.comparators[0]
        kinds = {site.scope.kind(left), site.scope.kind(right)}
        if not isinstance(right, ast.Constant) and not kinds & {"int", "float", "bool"}:
            for name in ("set", "sorted", "len"):
                new = f"{name}({site.source(left)}) {OPERATORS[type(node.ops[0])]} {name}({site.source(right)})"
                yield site.replace("wrap-call", new, COMPARE, 0.6)
    elif (
        isinstance(node, ast.Name)
        and not is_target(node)
        and site.scope.kind(node) in NUMERIC
        and site.field != "func"
    ):
        sized = [name for name in site.names() if site.scope.kind(ast.Name(name)) in SIZED]
        sized += [n for n in site.scope.parameters(site.place.function) if not site.scope.kind(ast.Name(n))]
        for rank, name in enumerate(sized[:3]):
            yield site.replace("replace-variable", f"len({name})", ATOM, 0.5 * 0.8**rank)

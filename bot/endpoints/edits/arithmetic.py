"""Edits of numbers that are worked out: operators, operands, bounds, rounding, what is one off."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.endpoints.edits.scope import NUMERIC, ORDERED, SIZED
from bot.endpoints.edits.site import (
    ARITH,
    ATOM,
    AWAIT,
    LEVELS,
    OPERATORS,
    OR,
    POWER,
    TERM,
    UNARY,
    Raw,
    Site,
    is_target,
    level,
)
from bot.endpoints.edits.text import Splice

_ARITHMETIC: dict[str, tuple[tuple[str, float], ...]] = {
    "+": (("-", 1.0), ("*", 0.35), ("|", 0.04)),
    "-": (("+", 1.0), ("/", 0.08), ("%", 0.08), ("*", 0.06)),
    "*": (("/", 0.4), ("+", 0.4), ("**", 0.4), ("//", 0.2), ("%", 0.05)),
    "/": (("//", 1.0), ("*", 0.5), ("%", 0.15)),
    "//": (("/", 0.8), ("%", 0.8), ("*", 0.2), ("-", 0.1)),
    "%": (("//", 0.9), ("/", 0.2), ("*", 0.1)),
    "**": (("*", 0.8), ("//", 0.1)),
    "|": (("&", 1.0), ("^", 0.5), ("-", 0.2), ("+", 0.1)),
    "&": (("|", 1.0), ("^", 0.5), ("-", 0.3), ("%", 0.05)),
    "^": (("&", 0.9), ("|", 0.8), ("**", 0.3)),
    "<<": ((">>", 1.0), ("*", 0.1)),
    ">>": (("<<", 1.0), ("//", 0.1)),
    "@": (("*", 0.5),),
}


def swap_arithmetic(site: Site) -> Iterator[Raw]:
    """`+` <-> `-`, `*` <-> `/`, `//` <-> `%`, `&` <-> `|` <-> `^`, shifts."""
    node = site.node
    if not isinstance(node, ast.BinOp):
        return
    old = OPERATORS[type(node.op)]
    texts = {"str", "list", "tuple"} & {site.scope.kind(node.left), site.scope.kind(node.right)}
    for new, factor in _ARITHMETIC[old]:
        factor *= 0.15 if texts else 1.0
        token = site.between(node.left, node.right, old, new, operator="swap-arithmetic", factor=factor)
        yield token  # the slip of a hand: operands may group anew around the other operator
        brackets = _brackets(site, node, new)
        if brackets:
            yield Raw("swap-arithmetic", 0.6 * factor, (*token.splices, *brackets))


def _brackets(site: Site, node: ast.BinOp, new: str) -> list[Splice]:
    """Parentheses that keep the operands, and what is around, grouped as they are when the operator is `new`."""
    own = LEVELS[new]
    needs = [(node.left, AWAIT if new == "**" else own), (node.right, UNARY if new == "**" else own + 1)]
    loose: list[ast.expr] = [part for part, need in needs if level(part) < need]
    if own < site.strength:
        loose.append(node)
    found: list[Splice] = []
    for part in loose:
        if site.text.parenthesised(part) is None:
            start, end = site.text.start(part), site.text.end(part)
            found += [Splice(start, start, b"("), Splice(end, end, b")")]
    return found


def operands(site: Site) -> Iterator[Raw]:
    """`a - b` -> `b - a`, `a`, `b`; `-a` -> `a`; `a` -> `-a`."""
    node = site.node
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and not isinstance(node.operand, ast.Constant)
    ):
        yield site.become("drop-operand", node.operand)
    if not isinstance(node, ast.BinOp):
        return
    one, other, old = node.left, node.right, OPERATORS[type(node.op)]
    small = isinstance(other, ast.Constant) and other.value in (1, -1)
    yield site.become("drop-operand", one, 1.6 if small and old in "+-" else 1.0 if old in "+-" else 0.6)
    yield site.become("drop-operand", other, 0.15 if small else 0.6)
    numeric = site.scope.kind(node) in NUMERIC
    if old not in ("*", "&", "|", "^") and not (old == "+" and numeric):
        strength = LEVELS[old]
        swapped = f"{_at_least(site, other, strength)} {old} {_at_least(site, one, strength + 1)}"
        yield site.replace("swap-operands", swapped, strength, 1.0 if old in ("-", "/", "+") else 0.4)


def _at_least(site: Site, node: ast.expr, strength: int) -> str:
    text = site.source(node)
    return text if level(node) >= strength and level(node) != AWAIT else f"({text})"


def off_by_one(site: Site) -> Iterator[Raw]:
    """`e` -> `e + 1`, `e - 1` where a whole number is likely: bounds, indices, lengths, counts."""
    node = site.node
    factor = _countable(site)
    if not factor or isinstance(node, ast.Constant | ast.JoinedStr | ast.Starred):
        return
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.right, ast.Constant)
        and isinstance(node.op, ast.Add | ast.Sub)
    ):
        return  # the constant itself is changed
    own = level(node)
    before, after = ("(", ")") if own < ARITH else ("", "")
    yield site.around("off-by-one", before, f"{after} + 1", factor, ARITH)
    yield site.around("off-by-one", before, f"{after} - 1", factor, ARITH)


def _countable(site: Site) -> float:
    """How likely it is that an expression is a whole number that can be one off."""
    node, parent = site.node, site.parent
    kind = site.scope.kind(node)
    if (kind and kind not in NUMERIC) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)):
        return 0.0
    if isinstance(parent, ast.Call) and isinstance(parent.func, ast.Name) and parent.func.id == "range":
        return 1.0
    if isinstance(parent, ast.Slice):
        return 0.8 if site.field != "step" else 0.0
    if site.inside is not None:
        sequence = site.scope.kind(site.inside)
        return 0.0 if sequence == "dict" else 0.7 if kind == "int" or sequence in ORDERED else 0.3
    if isinstance(parent, ast.Compare):
        plain = 0.4 if site.field == "left" and isinstance(node, ast.Name) else 1.0
        return plain * (0.6 if kind == "int" else 0.1)
    if isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.BinOp | ast.Call | ast.Tuple):
        counted = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "len"
        if isinstance(node, ast.BinOp):
            return 0.4 if isinstance(parent, ast.Return | ast.Assign | ast.Call) else 0.1
        return 0.6 if counted else 0.25 if kind in NUMERIC else 0.06 if isinstance(node, ast.Call) else 0.0
    return 0.0


def clamp(site: Site) -> Iterator[Raw]:
    """`e` -> `max(e, 0)`, `min(e, v)`; `max(a, b)` -> `max(a, b, c)`."""
    node, parent = site.node, site.parent
    if site.scope.kind(node) not in NUMERIC or isinstance(node, ast.Constant) or is_target(node):
        return
    if isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Slice | ast.Call):
        yield site.around("clamp", "max(0, ", ")", 0.5)
        for name in site.names()[:5]:
            if site.scope.kind(ast.Name(name)) == "int" and name != site.source():
                yield site.around("clamp", "min(", f", {name})", 0.15)
                yield site.around("clamp", "max(", f", {name})", 0.15)


def extremes(site: Site) -> Iterator[Raw]:
    """`x = e` -> `x = max(x, e)`, `min`: what is kept over the turns of a loop."""
    node = site.node
    if not isinstance(site.parent, ast.Assign) or site.field != "value" or len(site.parent.targets) != 1:
        return
    target = site.parent.targets[0]
    if isinstance(target, ast.Tuple) or site.place.loop is None or isinstance(node, ast.Constant):
        return
    if site.scope.kind(target) in NUMERIC | {""}:
        for name in ("max", "min"):
            yield site.around(
                "clamp", f"{name}({site.source(target)}, ", ")", 1.5 if site.scope.kind(target) else 0.8
            )


def add_operand(site: Site) -> Iterator[Raw]:
    """A term that is missing: `price` -> `price * count`, `k` -> `k - len(left)`, `x` -> `-x`, `x` -> `x or v`."""
    node, parent = site.node, site.parent
    if is_target(node) or isinstance(
        node, ast.Constant | ast.Starred | ast.Compare | ast.BoolOp | ast.Tuple | ast.Lambda
    ):
        return
    if site.field == "func" or isinstance(
        parent, ast.Expr | ast.Attribute | ast.For | ast.comprehension | ast.Slice
    ):
        return
    kind = site.scope.kind(node)
    if kind in NUMERIC or (not kind and isinstance(node, ast.Name | ast.Attribute | ast.Subscript)):
        sure = 1.0 if kind else 0.4
        if not isinstance(parent, ast.UnaryOp) and site.inside is None and not site.condition:
            yield site.around(
                "negate-number", "-(" if level(node) < UNARY else "-", _shut(node, UNARY), sure, UNARY
            )
        yield from _terms(site, sure)
    elif kind in ("list", "str") and not isinstance(parent, ast.Call | ast.Subscript):
        for name in [n for n in site.names() if site.scope.kind(ast.Name(n)) == kind and n != site.source()][:3]:
            yield site.around("add-operand", "", f" + {name}", 0.6, ARITH)
            yield site.around("add-operand", f"{name} + ", "", 0.6, ARITH)
    if (
        isinstance(parent, ast.Return | ast.Assign | ast.IfExp)
        and not isinstance(node, ast.BinOp)
        and not site.condition
    ):
        for default in ("[]", "0", "''", "None", *site.scope.values.get("str", ())[:2]):
            yield site.around("or-default", "", f" or {default}", 0.5 if kind != "int" else 0.2, OR)


def _terms(site: Site, sure: float) -> Iterator[Raw]:
    """Numbers in scope that could be added to, taken from or multiplied with an expression."""
    node, parent = site.node, site.parent
    near = 1.0 if isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Call | ast.Compare) else 0.4
    used = {part.id for part in ast.walk(parent) if isinstance(part, ast.Name)}
    strength = level(node)
    for rank, name in enumerate([n for n in site.names() if n not in used][:7]):
        kind = site.scope.kind(ast.Name(name))
        term = name if kind in NUMERIC else f"len({name})" if kind in SIZED else ""
        if not term or (not sure and term == name):
            continue
        factor = sure * near * 0.85**rank * (1.0 if term == name else 0.5)
        bare = strength >= ARITH
        before, after = ("", "") if bare else ("(", ")")
        yield site.around("add-operand", before, f"{after} - {term}", factor, ARITH)
        yield site.around("add-operand", before, f"{after} + {term}", factor, ARITH)
        if term == name:
            before, after = ("", "") if strength >= TERM else ("(", ")")
            yield site.around("add-operand", before, f"{after} * {term}", 0.8 * factor, TERM)
    if strength == ATOM and near == 1.0:
        yield site.around("add-operand", "", " ** 2", 0.2 * sure, POWER)
        yield site.around("add-operand", "", " * 2", 0.2 * sure, TERM)
        yield site.around("add-operand", "", " // 2", 0.2 * sure, TERM)


def _shut(node: ast.expr, strength: int) -> str:
    return ")" if level(node) < strength else ""


def round_up(site: Site) -> Iterator[Raw]:
    """`a // b` -> `(a + b - 1) // b`."""
    node = site.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.FloorDiv):
        one, other = site.source(node.left), site.source(node.right)
        divisor = _at_least(site, node.right, UNARY)
        one = one if level(node.left) >= ARITH else f"({one})"
        if not (isinstance(node.right, ast.Constant) and node.right.value == 2):
            other = other if level(node.right) >= TERM else f"({other})"
            yield site.replace("round-up", f"({one} + {other} - 1) // {divisor}", TERM, 1.0)
        yield site.replace("round-up", f"({one} + 1) // {divisor}", TERM, 0.3)

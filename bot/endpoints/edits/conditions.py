"""Edits of conditions: comparisons, `and`, `or` and `not`, tests of emptiness, conditional expressions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from bot.endpoints.edits.scope import BUILTINS, NUMERIC, SIZED
from bot.endpoints.edits.site import AND, ATOM, COMPARE, NOT, OPERATORS, OR, TERNARY, Raw, Site, level
from bot.endpoints.edits.text import Splice, tell

# --------------------------------------------------------------------------------------------- comparisons

_COMPARISONS: dict[str, tuple[tuple[str, float], ...]] = {
    "<": (("<=", 1.0), (">", 0.5), (">=", 0.35), ("!=", 0.2), ("==", 0.15)),
    "<=": (("<", 1.0), (">=", 0.5), (">", 0.35), ("==", 0.2), ("!=", 0.1)),
    ">": ((">=", 1.0), ("<", 0.5), ("<=", 0.35), ("!=", 0.25), ("==", 0.25)),
    ">=": ((">", 1.0), ("<=", 0.5), ("<", 0.35), ("==", 0.25), ("!=", 0.1)),
    "==": (("!=", 0.7), (">=", 0.45), ("<=", 0.45), (">", 0.15), ("<", 0.15), ("in", 0.1), ("is", 0.04)),
    "!=": (("==", 0.7), ("<", 0.25), (">", 0.3), ("<=", 0.08), (">=", 0.08), ("not in", 0.08), ("is not", 0.04)),
    "in": (("not in", 0.9), ("==", 0.1)),
    "not in": (("in", 0.9), ("!=", 0.1)),
    "is": (("is not", 0.7), ("==", 0.5)),
    "is not": (("is", 0.7), ("!=", 0.5)),
}


def swap_comparison(site: Site) -> Iterator[Raw]:
    """`a < b` -> `a <= b`, `a > b`; `==` -> `!=`; `in` -> `not in`; `is` -> `==`."""
    node = site.node
    if not isinstance(node, ast.Compare):
        return
    operands = [node.left, *node.comparators]
    for (left, right), operator in zip(pairwise(operands), node.ops, strict=True):
        old = OPERATORS[type(operator)]
        against_none = isinstance(right, ast.Constant) and right.value is None
        for new, factor in _COMPARISONS[old]:
            if against_none and new not in ("is", "is not", "==", "!="):
                continue
            if new in ("in", "not in") and old in ("==", "!=") and site.scope.kind(right) in NUMERIC | {"bool"}:
                continue
            if new in ("is", "is not") and not (
                isinstance(right, ast.Constant) and isinstance(right.value, bool | None)
            ):
                continue
            yield site.between(left, right, old, new, operator="swap-comparison", factor=factor)


def other_comparisons(site: Site) -> Iterator[Raw]:
    """`a in b` -> `b in a`; `a < b < c` -> `a < b`; `a == 0.1` -> `isclose`; `x is None` -> `not x`."""
    node = site.node
    if not isinstance(node, ast.Compare):
        return
    if len(node.ops) > 1:
        yield site.replace("chain-comparison", _piece(site, node.left, node.comparators[-2]), COMPARE, 0.6)
        yield site.replace(
            "chain-comparison", _piece(site, node.comparators[0], node.comparators[-1]), COMPARE, 0.6
        )
        return
    left, right, operator = node.left, node.comparators[0], node.ops[0]
    one, other = site.source(left), site.source(right)
    if isinstance(operator, ast.In | ast.NotIn):
        yield site.replace("swap-operands", f"{other} {OPERATORS[type(operator)]} {one}", COMPARE, 0.4)
    none = isinstance(right, ast.Constant) and right.value is None
    if none and isinstance(operator, ast.Is | ast.Eq):
        yield site.replace("empty-or-none", f"not {one}", NOT, 1.0)
    elif none and site.condition:
        yield site.replace("empty-or-none", one, level(left), 1.0)
    if isinstance(operator, ast.Eq | ast.NotEq):
        if "float" in (site.scope.kind(left), site.scope.kind(right)):
            new = ("not " if isinstance(operator, ast.NotEq) else "") + f"math.isclose({one}, {other})"
            yield site.replace("float-equality", new, NOT, 1.0, "import math")
        yield from _folded(site, left, right, OPERATORS[type(operator)])
        if isinstance(right, ast.Constant) and type(right.value) is int:
            for sign, factor in (
                (("<=", 0.8), ("<", 0.5)) if isinstance(operator, ast.Eq) else ((">", 0.8), (">=", 0.5))
            ):
                new = f"{_guarded(site, left, COMPARE)} {sign} {right.value + 1}"
                yield site.replace("swap-comparison", new, COMPARE, 0.5 * factor)
    yield from _bounded(site, left, operator)


def _folded(site: Site, left: ast.expr, right: ast.expr, operator: str) -> Iterator[Raw]:
    """Case-insensitive and reversed comparison of texts and sequences."""
    if "str" in (site.scope.kind(left), site.scope.kind(right)) and not isinstance(right, ast.Constant):
        new = f"{_operand(site, left)}.lower() {operator} {_operand(site, right)}.lower()"
        yield site.replace("add-call", new, COMPARE, 0.5)


def _bounded(site: Site, left: ast.expr, operator: ast.cmpop) -> Iterator[Raw]:
    """`x < hi` -> `0 <= x < hi`."""
    numeric = site.scope.kind(left) in NUMERIC and isinstance(left, ast.Name)
    if numeric and isinstance(operator, ast.Lt | ast.LtE):
        yield site.replace("chain-comparison", f"0 <= {site.source()}", COMPARE, 0.5)
        yield site.replace("chain-comparison", f"0 < {site.source()}", COMPARE, 0.25)


def _operand(site: Site, node: ast.expr) -> str:
    text = site.source(node)
    return text if level(node) == ATOM else f"({text})"


def _piece(site: Site, first: ast.expr, last: ast.expr) -> str:
    """The text from one operand to another, parentheses around either included when they are balanced."""
    text = site.text
    raw = text.data[text.start(first) : text.end(last)].decode()
    return f"({raw})" if "\n" in raw else raw


# ------------------------------------------------------------------------------------------------- clauses


def swap_boolean(site: Site) -> Iterator[Raw]:
    """`and` <-> `or`: all of a chain, and each of its operators alone by regrouping."""
    node = site.node
    if not isinstance(node, ast.BoolOp):
        return
    old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
    splices: list[Splice] = []
    for left, right in pairwise(node.values):
        splices += site.between(left, right, old, new, operator="swap-boolean").splices
    whole = Raw("swap-boolean", 1.0, tuple(splices))
    if new == "or" and site.strength > OR and not site.text.parenthesised(node):
        start, end = site.text.start(node), site.text.end(node)
        whole = Raw("swap-boolean", 1.0, (Splice(start, start, b"("), *splices, Splice(end, end, b")")))
    yield whole
    if len(splices) > 1:
        yield from (Raw("swap-boolean", 0.5, (splice,)) for splice in splices)


def drop_clause(site: Site) -> Iterator[Raw]:
    """`a and b` -> `a`, `b`."""
    node = site.node
    if not isinstance(node, ast.BoolOp):
        return
    word = " and " if isinstance(node.op, ast.And) else " or "
    strength = AND if isinstance(node.op, ast.And) else OR
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        if len(rest) == 1:
            yield site.become("drop-clause", rest[0])
        else:
            yield site.replace("drop-clause", word.join(_guarded(site, part, strength) for part in rest), strength)


def _guarded(site: Site, node: ast.expr, strength: int) -> str:
    text = site.source(node)
    return text if level(node) > strength else f"({text})"


def negate(site: Site) -> Iterator[Raw]:
    """A condition or a clause of one becomes its opposite; `not x` -> `x`."""
    node = site.node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield site.become("negate-condition", node.operand)
    elif site.condition and not isinstance(node, ast.Compare | ast.Constant):
        before, after = ("not (", ")") if level(node) < NOT else ("not ", "")
        yield site.around("negate-condition", before, after, 1.0, NOT)
    elif isinstance(site.parent, ast.Return) and isinstance(node, ast.Call | ast.Name):
        yield site.around("negate-condition", "not ", "", 0.6 if site.scope.kind(node) == "bool" else 0.15, NOT)


def regroup(site: Site) -> Iterator[Raw]:
    """Parentheses put elsewhere: `a + b * c` -> `(a + b) * c`, `a - b + c` -> `a - (b + c)`, and dropped ones."""
    node, text = site.node, site.text
    if isinstance(node, ast.BinOp | ast.BoolOp):
        around = text.parenthesised(node)
        if around is not None and isinstance(site.parent, ast.BinOp | ast.BoolOp | ast.UnaryOp):
            splices = (Splice(around[0], around[0] + 1, b""), Splice(around[1], around[1] + 1, b""))
            yield Raw("regroup", 1.0, splices)
    if isinstance(node, ast.BinOp):
        left, right = node.left, node.right
        if isinstance(left, ast.BinOp) and text.parenthesised(left) is None:
            yield _parentheses(site, left.right, right, 1.0)
        if isinstance(right, ast.BinOp) and text.parenthesised(right) is None:
            yield _parentheses(site, left, right.left, 1.0)
    elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        for one, other in pairwise(node.values):
            if isinstance(other, ast.BoolOp) and text.parenthesised(other) is None:
                yield _parentheses(site, one, other.values[0], 0.8)
            if isinstance(one, ast.BoolOp) and text.parenthesised(one) is None:
                yield _parentheses(site, one.values[-1], other, 0.8)


def _parentheses(site: Site, first: ast.expr, last: ast.expr, factor: float) -> Raw:
    text = site.text
    opening, closing = text.start(first), text.end(last)
    before, after = text.parenthesised(first), text.parenthesised(last)
    if before is not None:
        opening = before[0]
    if after is not None:
        closing = after[1] + 1
    return Raw("regroup", factor, (Splice(opening, opening, b"("), Splice(closing, closing, b")")))


def add_clause(site: Site) -> Iterator[Raw]:
    """A condition gets a further clause: a null or emptiness test, a bound, or a condition used elsewhere."""
    if not site.condition or isinstance(site.parent, ast.BoolOp | ast.UnaryOp):
        return
    node = site.node
    own = tell(node)
    for clause, word, first, factor in _clauses(site):
        if own == clause:
            continue
        strength = AND if word == "and" else OR
        before, after = ("(", ")") if level(node) < strength else ("", "")
        if first:
            yield site.around("add-clause", f"{clause} {word} {before}", after, factor, strength)
        else:
            yield site.around("add-clause", before, f"{after} {word} {clause}", factor, strength)


def _clauses(site: Site) -> Iterator[tuple[str, str, bool, float]]:
    """(clause, `and` or `or`, whether it comes first, factor) for a condition."""
    used = [n for n in ast.walk(site.node) if isinstance(n, ast.Name) and n.id in site.names()]
    for name in dict.fromkeys(n.id for n in used):
        kind = site.scope.kind(ast.Name(name))
        if kind in SIZED or kind == "":
            yield name, "and", True, 0.7 if kind else 0.45
            yield f"not {name}", "or", True, 0.6 if kind else 0.4
        if kind == "":
            yield f"{name} is not None", "and", True, 0.4
            yield f"{name} is None", "or", True, 0.4
        if kind in NUMERIC:
            yield f"{name} > 0", "and", False, 0.3
            yield f"{name} >= 0", "and", False, 0.25
            yield f"{name} < 0", "or", False, 0.3
            yield f"{name} <= 0", "or", False, 0.3
            yield f"{name} == 0", "or", False, 0.2
    for part in ast.walk(site.node):
        if (
            isinstance(part, ast.Subscript)
            and isinstance(part.ctx, ast.Load)
            and not isinstance(part.slice, ast.Slice)
        ):
            yield from _reachable(site, part)
    yield from _companions(site, {n.id for n in used})


def _reachable(site: Site, part: ast.Subscript) -> Iterator[tuple[str, str, bool, float]]:
    """Clauses that make a subscript safe to read."""
    owner, index = site.source(part.value), site.source(part.slice)
    if isinstance(part.slice, ast.Constant | ast.UnaryOp):
        yield owner, "and", True, 1.2
        yield f"not {owner}", "or", True, 0.5
    elif site.scope.kind(part.value) == "dict":
        yield f"{index} in {owner}", "and", True, 0.8
        yield f"{index} not in {owner}", "or", True, 0.5
    else:
        yield f"{index} < len({owner})", "and", True, 1.0
        yield f"{index} >= 0", "and", True, 0.5
        yield f"{index} in {owner}", "and", True, 0.3


def _companions(site: Site, used: set[str]) -> Iterator[tuple[str, str, bool, float]]:
    """Conditions that stand elsewhere in the function, and names whose truth could matter here."""
    names = set(site.names()) | {"self", "cls"} | BUILTINS | set(site.scope.module.functions)
    for clause, node in list(site.scope.conditions.items())[:6]:
        if all(n.id in names for n in ast.walk(node) if isinstance(n, ast.Name)):
            text = clause if level(node) >= NOT else f"({clause})"
            yield text, "and", False, 0.35
            yield text, "or", False, 0.3
    for name in site.names():
        if name in used:
            continue
        kind = site.scope.kind(ast.Name(name))
        if kind in SIZED | {"bool", ""}:
            yield name, "and", True, 0.3 if kind else 0.15
            yield f"not {name}", "and", False, 0.25 if kind else 0.12
            yield name, "or", True, 0.25 if kind else 0.12
            yield f"not {name}", "or", False, 0.3 if kind else 0.15
        for other in sorted(used):  # a set has no order that two runs share
            if kind in ("set", "dict") and site.scope.kind(ast.Name(other)) not in SIZED - {"str"}:
                yield f"{other} not in {name}", "and", False, 0.6
                yield f"{other} in {name}", "and", False, 0.3
            elif kind in NUMERIC and site.scope.kind(ast.Name(other)) in NUMERIC:
                yield f"{other} < {name}", "and", False, 0.25
                yield f"{other} > {name}", "and", False, 0.2


# ---------------------------------------------------------------------------------------- whole conditions


def replace_condition(site: Site) -> Iterator[Raw]:
    """A condition becomes an emptiness or null test of a variable: `if x` -> `if x is not None`."""
    node = site.node
    if not site.condition:
        return
    if isinstance(node, ast.Name | ast.Attribute):
        negated = isinstance(site.parent, ast.UnaryOp)
        yield site.around("empty-or-none", "", " is not None", 1.0 if not negated else 0.3, COMPARE)
        yield site.around("empty-or-none", "", " > 0", 0.2, COMPARE)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield site.replace("empty-or-none", f"{_operand(site, node.operand)} is None", COMPARE, 1.0)
    if isinstance(site.parent, ast.BoolOp | ast.UnaryOp):
        return
    for rank, name in enumerate(site.names()[:6]):
        kind = site.scope.kind(ast.Name(name))
        if kind in SIZED | {"bool", ""}:
            yield site.replace("replace-condition", name, ATOM, 0.5 * 0.85**rank)
            yield site.replace("replace-condition", f"not {name}", NOT, 0.5 * 0.85**rank)
        if kind == "":
            yield site.replace("replace-condition", f"{name} is None", COMPARE, 0.4 * 0.85**rank)
    for clause, condition in list(site.scope.conditions.items())[:5]:
        yield site.replace("replace-condition", clause, level(condition), 0.25)
    if isinstance(site.parent, ast.While):
        yield site.replace("replace-condition", "True", ATOM, 0.3)


def conditionals(site: Site) -> Iterator[Raw]:
    """`a if c else b` -> `b if c else a`, `a`, `b`."""
    node = site.node
    if isinstance(node, ast.IfExp):
        one, other = site.source(node.body), site.source(node.orelse)
        test = site.source(node.test)
        first = f"({other})" if level(node.orelse) <= TERNARY else other
        yield site.replace("swap-branches", f"{first} if {test} else {one}", TERNARY, 1.0)
        yield site.become("drop-branch", node.body, 0.5)
        yield site.become("drop-branch", node.orelse, 0.5)

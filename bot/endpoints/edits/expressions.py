"""Edits of one expression: every rule yields what its node could have been meant to be."""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Callable, Iterator
from itertools import pairwise

from bot.endpoints.edits.scope import BUILTINS, NUMERIC, ORDERED, SIZED, alike
from bot.endpoints.edits.site import (
    AND,
    ARITH,
    ATOM,
    AWAIT,
    COMPARE,
    LEVELS,
    NOT,
    OPERATORS,
    OR,
    POWER,
    TERM,
    TERNARY,
    UNARY,
    Raw,
    Site,
    level,
)
from bot.endpoints.edits.text import Splice, Text, tell

Rule = Callable[[Site], Iterator[Raw]]

# ---------------------------------------------------------------------------------------------- comparisons

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


# ------------------------------------------------------------------------------------------------- booleans


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
        for other in used:
            if kind in ("set", "dict") and site.scope.kind(ast.Name(other)) not in SIZED - {"str"}:
                yield f"{other} not in {name}", "and", False, 0.6
                yield f"{other} in {name}", "and", False, 0.3
            elif kind in NUMERIC and site.scope.kind(ast.Name(other)) in NUMERIC:
                yield f"{other} < {name}", "and", False, 0.25
                yield f"{other} > {name}", "and", False, 0.2


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


# ----------------------------------------------------------------------------------------------- arithmetic

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


# ------------------------------------------------------------------------------------------------ constants


def constants(site: Site) -> Iterator[Raw]:
    """A literal becomes a neighbouring one, or one that is used elsewhere in the function, module or base."""
    node = site.node
    if not isinstance(node, ast.Constant) or isinstance(node.value, bytes) or node.value is Ellipsis:
        return
    if isinstance(node.value, bool):
        yield site.replace("replace-constant", str(not node.value), ATOM, 2.0)
        yield site.replace("replace-constant", "None", ATOM, 0.4)
    elif isinstance(node.value, int | float):
        yield from _numbers(site, node.value)
    elif isinstance(node.value, str):
        yield from _strings(site, node.value)
    elif node.value is None and not isinstance(site.parent, ast.Compare):
        for rank, new in enumerate(("False", "0", "[]", "''", "True", "{}", "-1")):
            yield site.replace("replace-constant", new, ATOM, 0.7 * 0.85**rank)


def _numbers(site: Site, value: float) -> Iterator[Raw]:
    signed = isinstance(site.parent, ast.UnaryOp) and isinstance(site.parent.op, ast.USub)
    around = 1.2 if _near_index(site) else 0.9
    for new, factor in ((value + 1, around), (value - 1, around), (0, 0.8), (1, 0.8), (-1, 0.5), (2, 0.25)):
        if new == value or (signed and new < 0):
            continue
        text = repr(new)
        yield site.replace("replace-constant", text, UNARY if new < 0 else ATOM, factor)
    if value and not signed:
        yield site.replace("replace-constant", f"-{value!r}", UNARY, 0.5)
    for rank, known in enumerate(site.scope.values.get("number", ())[:8]):
        yield site.replace("replace-constant", known, ATOM, 0.6 * 0.85**rank)
    for scaled in (value * 10, value / 10, value * 2, value / 2):
        whole = int(scaled) if scaled == int(scaled) else scaled
        if abs(value) > 2:
            yield site.replace("replace-constant", repr(whole), ATOM, 0.35)
    if value == 0 and isinstance(site.parent, ast.Assign | ast.List):
        yield from (
            site.replace("initial-value", new, UNARY, 0.6) for new in ("float('-inf')", "float('inf')", "None")
        )


def _near_index(site: Site) -> bool:
    return site.inside is not None or isinstance(site.parent, ast.Slice | ast.BinOp | ast.Compare)


def _strings(site: Site, value: str) -> Iterator[Raw]:
    for rank, known in enumerate(
        sorted(site.scope.values.get("str", ()), key=lambda k: -alike(k, repr(value)))[:6]
    ):
        yield site.replace("replace-constant", known, ATOM, 0.7 * 0.85**rank)
    variants = [
        value.strip(),
        value.lower(),
        value.upper(),
        value.capitalize(),
        value + " ",
        " " + value,
        value + "\n",
    ]
    variants += ["", " ", ",", ", ", "\n"] if len(value) <= 2 else [value[:-1], value[1:]]
    variants += [value.rstrip("\n"), value.replace("  ", " ")] if "\n" in value or "  " in value else []
    variants += [mark for mark in _MARKS if mark != value] if value in _MARKS else []
    variants = [*_OPPOSITES.get(value, ()), *variants]
    for rank, new in enumerate(dict.fromkeys(variants)):
        if new != value:
            yield site.replace("replace-string", repr(new), ATOM, 0.9**rank)
    if site.inside is None and not isinstance(site.parent, ast.Compare | ast.Call | ast.Attribute):
        yield site.replace("replace-constant", "None", ATOM, 0.3)


_MARKS = (",", ";", ":", "&", "=", "-", "_", ".", "/", " ", "|", "\n", "+", "\t")
"""What separates things in texts: one is easily taken for another."""
_OPPOSITES = {
    "(": ")[",
    ")": "(]",
    "[": "](",
    "]": "[)",
    "{": "}[",
    "}": "{]",
    "<": ">",
    ">": "<",
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
}


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


# ------------------------------------------------------------------------------------------------ variables


def replace_variable(site: Site) -> Iterator[Raw]:
    """A variable becomes another one in scope: the same type at run time first, then the likest name."""
    node = site.node
    if (
        not isinstance(node, ast.Name)
        or node.id in ("self", "cls")
        or (isinstance(site.parent, ast.Call) and (site.field == "func"))
    ):
        return
    names = site.names()
    known = node.id in names
    if not known and node.id in BUILTINS | site.scope.module.imported:
        return
    kind = site.scope.kind(node)
    ranked: list[tuple[float, str]] = []
    for name in names if known else (*names, *site.scope.module.variables):
        if name == node.id:
            continue
        other = site.scope.kind(ast.Name(name))
        same = 1.0 if kind and kind == other else 0.5 if not kind or not other else 0.2
        ranked.append((same * (0.55 + 0.6 * alike(node.id, name)) * (1.2 if name in site.bound else 1.0), name))
    stored = 0.25 if isinstance(node.ctx, ast.Store) else 1.0
    if _unchanged_in_recursion(site, node.id):
        stored = 2.0
    beside = {part.id for part in ast.iter_child_nodes(site.parent) if isinstance(part, ast.Name)}
    if not isinstance(site.parent, ast.Compare | ast.BinOp):
        beside = set()
    for rank, (score, name) in enumerate(sorted(ranked, key=lambda pair: -pair[0])[:7]):
        again = 0.2 if name in beside else 1.0  # `x < x` says nothing
        yield site.replace("replace-variable", name, ATOM, score * stored * again * 0.9**rank)


def _unchanged_in_recursion(site: Site, name: str) -> bool:
    """Whether the function calls itself with its own parameter as it came: it would never end."""
    function, parent = site.place.function, site.parent
    return (
        isinstance(parent, ast.Call)
        and isinstance(parent.func, ast.Name)
        and parent.func.id == function.name
        and name == next(iter(site.scope.parameters(function)), None)
    )


def attributes(site: Site) -> Iterator[Raw]:
    """`self.x` -> `self.y`; `x` -> `self.x`; `self.x` -> `x`; `a.b` -> `a.c` for an attribute seen on `a`."""
    node = site.node
    owner = site.scope.self_name
    if isinstance(node, ast.Name) and owner and node.id != owner and site.scope.owner:
        for known in site.scope.module.attributes.get(site.scope.owner, ()):
            if known.lstrip("_") == node.id.lstrip("_"):
                yield site.replace("missing-self", f"{owner}.{known}", ATOM, 1.0)
    if not isinstance(node, ast.Attribute):
        return
    if isinstance(node.value, ast.Name) and node.value.id == owner and node.attr.lstrip("_") in site.names():
        yield site.replace("drop-self", node.attr.lstrip("_"), ATOM, 0.8)
    if site.field == "func" and isinstance(site.parent, ast.Call):
        return
    yield from _other_attributes(site, node, owner)


def _other_attributes(site: Site, node: ast.Attribute, owner: str | None) -> Iterator[Raw]:
    seen = dict(site.scope.attributes.get(ast.unparse(node.value), {}))
    if isinstance(node.value, ast.Name) and node.value.id == owner and site.scope.owner:
        methods = site.scope.module.methods.get(site.scope.owner, frozenset())
        for known in site.scope.module.attributes.get(site.scope.owner, ()):
            if known not in methods:
                seen.setdefault(known, 1)
    elif not seen.keys() - {node.attr}:
        for others in site.scope.attributes.values():
            seen.update(others)
    kind = site.scope.kinds.get(f".{node.attr}", "")
    ranked = []
    for name in seen:
        if name != node.attr:
            other = site.scope.kinds.get(f".{name}", "")
            same = 1.0 if kind and kind == other else 0.6 if not kind or not other else 0.3
            ranked.append((same * (0.6 + 0.5 * alike(node.attr, name)), name))
    for rank, (score, name) in enumerate(sorted(ranked, key=lambda pair: -pair[0])[:6]):
        end = site.text.end(node)
        start = end - len(node.attr.encode())
        yield Raw("replace-attribute", score * 0.9**rank, (Splice(start, end, name.encode()),))


# ---------------------------------------------------------------------------------------------------- calls

_FUNCTIONS: tuple[tuple[str, ...], ...] = (
    ("any", "all"),
    ("min", "max"),
    ("sorted", "reversed", "list"),
    ("list", "tuple", "set", "sorted"),
    ("dict", "list", "set"),
    ("int", "float", "round", "str"),
    ("str", "repr"),
    ("ord", "chr"),
    ("range", "enumerate"),
    ("zip", "zip_longest"),
    ("len", "sum", "max"),
    ("sum", "max", "len"),
    ("map", "filter"),
    ("ceil", "floor", "trunc"),
    ("divmod", "pow"),
    ("isinstance", "issubclass"),
    ("getattr", "hasattr"),
    ("deque", "list"),
    ("heappush", "heappop"),
    ("bin", "hex", "oct"),
)
_METHODS: tuple[tuple[str, ...], ...] = (
    ("append", "extend", "insert", "appendleft"),
    ("add", "update", "discard", "remove"),
    ("append", "add"),
    ("pop", "popleft", "popitem"),
    ("remove", "discard", "pop"),
    ("lower", "upper", "casefold", "title", "capitalize"),
    ("title", "capitalize", "upper"),
    ("startswith", "endswith"),
    ("strip", "lstrip", "rstrip"),
    ("removeprefix", "removesuffix", "lstrip", "rstrip"),
    ("find", "index", "rfind", "rindex"),
    ("split", "rsplit", "splitlines", "partition"),
    ("partition", "rpartition"),
    ("keys", "values", "items"),
    ("get", "pop", "setdefault"),
    ("ljust", "rjust", "center", "zfill"),
    ("isdigit", "isnumeric", "isalnum", "isalpha", "isdecimal"),
    ("isupper", "islower"),
    ("union", "intersection", "difference", "symmetric_difference"),
    ("issubset", "issuperset", "isdisjoint"),
    ("sort", "reverse"),
    ("copy", "deepcopy"),
    ("read", "readline", "readlines"),
    ("seconds", "total_seconds"),
    ("match", "search", "fullmatch"),
    ("findall", "finditer"),
    ("floor", "ceil"),
    ("heappush", "heappop", "heapify"),
    ("replace", "strip"),
    ("count", "index", "find"),
    ("encode", "decode"),
    ("join", "replace"),
    ("appendleft", "append"),
)


def _partners(table: tuple[tuple[str, ...], ...]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for group in table:
        for name in group:
            near = [other for other in group if other != name]
            for rank, other in enumerate(near):
                mine = found.setdefault(name, {})
                mine[other] = max(mine.get(other, 0.0), 0.75**rank)
    return found


_FUNCTION_PARTNERS, _METHOD_PARTNERS = _partners(_FUNCTIONS), _partners(_METHODS)


def swap_callee(site: Site) -> Iterator[Raw]:
    """`any(...)` -> `all(...)`, `x.append(...)` -> `x.extend(...)`: the same arguments, a sister function."""
    node = site.node
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name):
        start, end = site.text.start(node.func), site.text.end(node.func)
        for name, factor in _named(site, node.func.id).items():
            imports = ("from math import " + name,) if name in ("ceil", "floor") else ()
            yield Raw("swap-callee", factor, (Splice(start, end, name.encode()),), imports)
    elif isinstance(node.func, ast.Attribute):
        end = site.text.end(node.func)
        start = end - len(node.func.attr.encode())
        for name, factor in _methods(site, node.func).items():
            yield Raw("swap-callee", factor, (Splice(start, end, name.encode()),))


def _named(site: Site, name: str) -> dict[str, float]:
    found = dict(_FUNCTION_PARTNERS.get(name, {}))
    functions = site.scope.module.functions
    own = site.scope.text.function.name
    for other, parameters in functions.items():
        if name not in BUILTINS and other != name and parameters == functions.get(name, parameters):
            found[other] = 0.3 + 0.6 * alike(name, other) - (0.2 if other == own else 0.0)
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:5])


def _methods(site: Site, node: ast.Attribute) -> dict[str, float]:
    found = dict(_METHOD_PARTNERS.get(node.attr, {}))
    if isinstance(node.value, ast.Name) and node.value.id == site.scope.self_name and site.scope.owner:
        for other in sorted(site.scope.module.methods.get(site.scope.owner, frozenset())):
            if other != node.attr and not other.startswith("__"):
                found[other] = 0.3 + 0.6 * alike(node.attr, other)
    for other in site.scope.attributes.get(ast.unparse(node.value), {}):
        if other != node.attr:
            found.setdefault(other, 0.15)
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:6])


def unwrap_call(site: Site) -> Iterator[Raw]:
    """`f(x)` -> `x`; `x.strip()` -> `x`; `x.f().g()` -> `x.g()`."""
    node = site.node
    if not isinstance(node, ast.Call) or isinstance(site.parent, ast.Expr):
        return
    if isinstance(node.func, ast.Attribute) and not _is_owner(site, node.func.value):
        yield site.become("unwrap-call", node.func.value, 0.8)
    for rank, argument in enumerate(node.args[:3]):
        if not isinstance(argument, ast.Starred | ast.GeneratorExp | ast.Constant):
            yield site.become("unwrap-call", argument, 0.8 * 0.7**rank)


def _is_owner(site: Site, node: ast.expr) -> bool:
    """Whether a name stands for a module or the method's object, which is no value of its own."""
    return isinstance(node, ast.Name) and (node.id == "self" or node.id in site.scope.module.imported)


def arguments(site: Site) -> Iterator[Raw]:
    """Arguments swapped, dropped, or added: `range(n)` -> `range(1, n)`, `f(a, b)` -> `f(b, a)`, `f(a)`."""
    node = site.node
    if not isinstance(node, ast.Call) or any(isinstance(part, ast.Starred) for part in node.args):
        return
    texts = [site.source(part) for part in node.args]
    for index, (one, other) in enumerate(pairwise(node.args)):
        if tell(one) != tell(other):
            yield Raw(
                "swap-arguments",
                1.0 if index == 0 else 0.7,
                (_over(site, one, texts[index + 1]), _over(site, other, texts[index])),
            )
    every: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
    if len(every) > 1 or (every and isinstance(node.func, ast.Attribute)):
        for index, part in enumerate(every):
            if not isinstance(part, ast.GeneratorExp):
                yield Raw("drop-argument", 0.8 if index == len(every) - 1 else 0.5, (_cut(site, every, index),))
    yield from _added(site, node, texts)
    yield from _known_arguments(site, node, texts)


def _over(site: Site, node: ast.expr, new: str) -> Splice:
    return Splice(site.text.start(node), site.text.end(node), new.encode())


def _cut(site: Site, every: list[ast.expr | ast.keyword], index: int) -> Splice:
    """Removes one argument with the comma that joins it to its neighbour."""
    text = site.text
    if index + 1 < len(every):
        return Splice(text.start(every[index]), text.start(every[index + 1]), b"")
    start = text.end(every[index - 1]) if index else text.start(every[index])
    return Splice(start, text.end(every[index]), b"")


_ADDED: dict[str, tuple[tuple[str, float], ...]] = {
    "range": (("1, {0}", 1.0), ("{0}, -1, -1", 0.2), ("2, {0}", 0.2), ("0, {0}, 2", 0.15)),
    "round": (("{0}, 2", 1.0), ("{0}, 1", 0.2)),
    "enumerate": (("{0}, 1", 0.8), ("{0}, start=1", 0.8)),
    "sorted": (("{0}, reverse=True", 1.0), ("set({0})", 0.3)),
    "max": (("{0}, default=0", 0.7), ("{0}, default=None", 0.5), ("{0}, key=len", 0.3)),
    "min": (("{0}, default=0", 0.7), ("{0}, default=None", 0.5), ("{0}, key=len", 0.3)),
    "next": (("{0}, None", 1.0),),
    "int": (("{0}, 2", 0.2), ("{0}, 16", 0.2)),
    "isinstance": (),
    "zip": (("{0}, strict=True", 0.1),),
}
_ADDED_METHODS: dict[str, tuple[tuple[str, float], ...]] = {
    "split": (("{0}, 1", 1.0), ("", 0.3)),
    "rsplit": (("{0}, 1", 1.0),),
    "sort": (("reverse=True", 1.0), ("key=len", 0.2)),
    "get": (
        ("{0}, 0", 1.0),
        ("{0}, []", 0.6),
        ("{0}, ''", 0.5),
        ("{0}, {0}", 0.3),
        ("{0}, None", 0.1),
        ("{0}, {{}}", 0.4),
    ),
    "pop": (("0", 0.9), ("-1", 0.2), ("{0}, None", 0.8)),
    "strip": (("' '", 0.2), ("'\\n'", 0.2)),
    "replace": (("{0}, 1", 0.2),),
    "count": (),
    "splitlines": (("True", 0.3),),
}


def _added(site: Site, node: ast.Call, texts: list[str]) -> Iterator[Raw]:
    """Arguments that well-known functions take and that are often forgotten."""
    if node.keywords:
        return
    if isinstance(node.func, ast.Name):
        patterns = _ADDED.get(node.func.id, ())
    elif isinstance(node.func, ast.Attribute):
        patterns = _ADDED_METHODS.get(node.func.attr, ())
    else:
        return
    for pattern, factor in patterns:
        wanted = pattern.count("{0}") and 1
        if len(texts) == (1 if wanted else 0) or (not texts and not wanted):
            yield _recalled(site, node, pattern.format(*texts), factor)
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        if len(texts) == 2:
            for new, factor in (
                (f"{texts[0]}, {texts[1]}, 2", 0.15),
                (f"{texts[1]}, {texts[0]}, -1", 0.5),
                (f"0, {texts[1]}", 0.3),
                (f"{texts[0]}, {texts[1]}, -1", 0.5),
            ):
                yield _recalled(site, node, new, factor)
        else:
            for name in site.names()[:6]:
                if len(texts) == 1 and site.scope.kind(ast.Name(name)) == "int" and name != texts[0]:
                    yield _recalled(site, node, f"{name}, {texts[0]}", 0.4)
                    yield _recalled(site, node, f"{name} + 1, {texts[0]}", 0.4)


def _recalled(site: Site, node: ast.Call, new: str, factor: float) -> Raw:
    """The call with other arguments."""
    text = site.text
    opening = text.data.index(b"(", text.end(node.func))
    return Raw("add-argument", factor, (Splice(opening + 1, text.end(node) - 1, new.encode()),))


def _known_arguments(site: Site, node: ast.Call, texts: list[str]) -> Iterator[Raw]:
    """A further argument for a function of the module (or this one) that takes more than it is given."""
    if not isinstance(node.func, ast.Name) or node.keywords:
        return
    own = site.scope.text.function
    wanted = len(own.args.args) if node.func.id == own.name else site.scope.module.functions.get(node.func.id, 0)
    if wanted > len(texts):
        for rank, name in enumerate([n for n in site.names() if n not in texts][:6]):
            yield _recalled(site, node, ", ".join([*texts, name]), 0.8 * 0.8**rank)


def wrap_call(site: Site) -> Iterator[Raw]:
    """`e` -> `f(e)`: the conversions and clean-ups that are forgotten most, by the kind of `e`."""
    node = site.node
    if isinstance(node, ast.Constant | ast.Starred | ast.JoinedStr | ast.Lambda | ast.Compare | ast.BoolOp):
        return
    if _store(node):
        return
    if site.field == "func" or (
        isinstance(site.parent, ast.Expr | ast.Attribute) and not isinstance(site.parent, ast.Expr)
    ):
        return
    if isinstance(node, ast.Name) and node.id in BUILTINS | {"self", "cls"}:
        return
    kind = site.scope.kind(node)
    for name, factor in _wrappers(site, kind):
        yield site.around("wrap-call", f"{name}(", ")", factor)
    suffix = "" if level(node) == ATOM else ")"
    prefix = "(" if suffix else ""
    for name, factor in _suffixes(site, kind):
        yield site.around("add-call", prefix, f"{suffix}.{name}", factor)


_WRAPPERS: dict[str, tuple[tuple[str, float], ...]] = {
    "int": (("str", 0.4), ("abs", 0.4), ("float", 0.1)),
    "float": (("int", 0.5), ("round", 0.5), ("abs", 0.4), ("str", 0.1)),
    "number": (("abs", 0.5), ("int", 0.4), ("str", 0.2), ("round", 0.3)),
    "str": (("int", 0.4), ("len", 0.4), ("float", 0.2), ("list", 0.15), ("set", 0.1)),
    "list": (
        ("len", 0.5),
        ("sorted", 0.5),
        ("list", 0.5),
        ("tuple", 0.3),
        ("set", 0.35),
        ("reversed", 0.3),
        ("sum", 0.2),
    ),
    "set": (("sorted", 0.6), ("list", 0.4), ("len", 0.4), ("set", 0.3)),
    "dict": (("dict", 0.5), ("list", 0.4), ("sorted", 0.4), ("len", 0.4)),
    "tuple": (("list", 0.4), ("sorted", 0.4), ("len", 0.3)),
    "generator": (("list", 0.5), ("sum", 0.3)),
    "range": (("list", 0.5), ("reversed", 0.6)),
    "deque": (("list", 0.5), ("len", 0.4)),
    "bool": (("int", 0.1),),
    "": (
        ("str", 0.3),
        ("int", 0.3),
        ("list", 0.3),
        ("len", 0.25),
        ("abs", 0.1),
        ("sorted", 0.25),
        ("set", 0.15),
        ("tuple", 0.15),
    ),
}


def _wrappers(site: Site, kind: str) -> Iterator[tuple[str, float]]:
    deep = 0.8**site.depth
    iterated = isinstance(site.parent, ast.For | ast.comprehension)
    for name, factor in _WRAPPERS.get(kind, ()):
        if iterated and name in ("str", "int", "abs", "sum", "float", "round"):
            continue
        if name == "reversed" and (iterated or isinstance(site.parent, ast.Call)):
            factor = 0.7
        if name in ("int", "float", "str") and isinstance(site.parent, ast.BinOp | ast.Compare):
            factor *= 1.5
        if name == "abs" and isinstance(site.node, ast.BinOp) and isinstance(site.node.op, ast.Sub):
            factor = 1.2
        if (
            isinstance(site.parent, ast.Call)
            and isinstance(site.parent.func, ast.Name)
            and site.parent.func.id == name
        ):
            continue
        yield name, factor * deep


def _suffixes(site: Site, kind: str) -> Iterator[tuple[str, float]]:
    node = site.node
    deep = 0.8**site.depth
    if kind in ("str", "") and isinstance(node, ast.Name | ast.Subscript | ast.Call | ast.Attribute):
        known = kind == "str"
        yield "strip()", (0.8 if known else 0.3) * deep
        yield "lower()", (0.7 if known else 0.25) * deep
        if known:
            yield "upper()", 0.15 * deep
            yield "split()", 0.25 * deep
    if kind in ("list", "dict", "set", "") and isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield "copy()", (0.5 if kind else 0.2) * deep
    if kind in ("dict", "") and isinstance(site.parent, ast.For | ast.comprehension):
        yield "items()", 0.6
        yield "values()", 0.5
        yield "keys()", 0.1


def clamp(site: Site) -> Iterator[Raw]:
    """`e` -> `max(e, 0)`, `min(e, v)`; `max(a, b)` -> `max(a, b, c)`."""
    node, parent = site.node, site.parent
    if site.scope.kind(node) not in NUMERIC or isinstance(node, ast.Constant) or _store(node):
        return
    if isinstance(parent, ast.Return | ast.Assign | ast.AugAssign | ast.Slice | ast.Call):
        yield site.around("clamp", "max(0, ", ")", 0.5)
        for name in site.names()[:5]:
            if site.scope.kind(ast.Name(name)) == "int" and name != site.source():
                yield site.around("clamp", "min(", f", {name})", 0.15)
                yield site.around("clamp", "max(", f", {name})", 0.15)


def _store(node: ast.expr) -> bool:
    """Whether an expression is assigned to or deleted: only names, attributes and subscripts may stand there."""
    return isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)


def add_operand(site: Site) -> Iterator[Raw]:
    """A term that is missing: `price` -> `price * count`, `k` -> `k - len(left)`, `x` -> `-x`, `x` -> `x or v`."""
    node, parent = site.node, site.parent
    if _store(node) or isinstance(
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


def same_syntax(site: Site) -> Iterator[Raw]:
    """An expression becomes another one of the same syntax that the function uses elsewhere."""
    node = site.node
    known = site.scope.expressions.get(type(node), {})
    if len(known) < 2 or _store(node) or site.field == "func" or isinstance(site.parent, ast.Expr):
        return
    names = {*site.names(), "self", "cls", *BUILTINS, *site.scope.module.functions, *site.scope.module.imported}
    own = site.source()
    ranked = []
    for source, other in known.items():
        if source == own or not all(part.id in names for part in ast.walk(other) if isinstance(part, ast.Name)):
            continue
        kinds = site.scope.kind(node), site.scope.kind(other)
        ranked.append(((0.2 + 0.8 * alike(own, source)) * (1.0 if kinds[0] == kinds[1] else 0.5), source, other))
    ranked.sort(key=lambda found: -found[0])
    for score, source, other in ranked[:4]:
        yield site.replace(
            "reuse-expression", source, level(other), score * (1.6 if isinstance(node, ast.Tuple) else 1.0)
        )


def constant_to_variable(site: Site) -> Iterator[Raw]:
    """A literal becomes a variable of its kind, or a returned truth value a condition."""
    node = site.node
    if not isinstance(node, ast.Constant) or isinstance(site.parent, ast.UnaryOp):
        return
    kind = site.scope.kind(node)
    if isinstance(node.value, bool) and isinstance(site.parent, ast.Return):
        yield from _truths(site)
    elif kind in ("int", "str", "none"):
        near = 1.0 if isinstance(site.parent, ast.Assign | ast.Return | ast.Call | ast.Compare) else 0.5
        alike_kinds = [n for n in site.names() if site.scope.kind(ast.Name(n)) == kind or kind == "none"]
        for rank, name in enumerate(alike_kinds[:6]):
            yield site.replace("constant-to-variable", name, ATOM, near * 0.85**rank)


def _truths(site: Site) -> Iterator[Raw]:
    for rank, name in enumerate(list(reversed(site.names()))[:6]):
        kind = site.scope.kind(ast.Name(name))
        factor = 0.9**rank
        if kind in NUMERIC:
            yield site.replace("replace-return", f"{name} == 0", COMPARE, 0.6 * factor)
            yield site.replace("replace-return", f"{name} > 0", COMPARE, 0.3 * factor)
        elif kind in SIZED | {"bool", ""}:
            yield site.replace("replace-return", f"not {name}", NOT, 0.7 * factor)
            yield site.replace("replace-return", name if kind == "bool" else f"bool({name})", ATOM, 0.3 * factor)
    for clause, condition in list(site.scope.conditions.items())[:4]:
        yield site.replace("replace-return", clause, level(condition), 0.3)


def reuse(site: Site) -> Iterator[Raw]:
    """A call, a subscript or a returned value becomes a variable, or what the function returns elsewhere."""
    node = site.node
    top = isinstance(site.parent, ast.Return)
    if not top and (
        not isinstance(node, ast.Call | ast.Subscript | ast.BinOp) or _store(node) or site.field == "func"
    ):
        return
    if isinstance(site.parent, ast.Expr):
        return
    for rank, name in enumerate(site.names()[:8]):
        yield site.replace("reuse-expression", name, ATOM, (0.6 if top else 0.25) * 0.85**rank)
    if top:
        for source, other in list(site.scope.returned.items())[:4]:
            yield site.replace("reuse-expression", source, level(other), 0.4)
        for new, factor in (("None", 0.2), ("True", 0.2), ("False", 0.2), ("[]", 0.15), ("0", 0.15), ("''", 0.1)):
            yield site.replace("return-constant", new, ATOM, factor)
        if not isinstance(node, ast.List | ast.Constant):
            yield site.around("replace-collection", "[", "]", 0.3)


# ----------------------------------------------------------------------------------------------- subscripts


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


# ---------------------------------------------------------------------------------------- other expressions


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
        splices = (_over(site, node.key, site.source(node.value)), _over(site, node.value, site.source(node.key)))
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


def add_slice(site: Site) -> Iterator[Raw]:
    """`x` -> `x[1:]`, `x[:-1]`, `x[::-1]`, `x[k:]`, `x[:k]`: a part of a sequence, or the other way round."""
    node, parent = site.node, site.parent
    sequence = site.scope.kind(node) in ORDERED and isinstance(
        node, ast.Name | ast.Call | ast.ListComp | ast.Attribute
    )
    iterated = isinstance(node, ast.Name) and site.field == "iter"
    if not (sequence or iterated) or _store(node) or site.field == "func" or isinstance(parent, ast.Attribute):
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
        and not _store(node)
        and site.scope.kind(node) in NUMERIC
        and site.field != "func"
    ):
        sized = [name for name in site.names() if site.scope.kind(ast.Name(name)) in SIZED]
        sized += [n for n in site.scope.parameters(site.place.function) if not site.scope.kind(ast.Name(n))]
        for rank, name in enumerate(sized[:3]):
            yield site.replace("replace-variable", f"len({name})", ATOM, 0.5 * 0.8**rank)


def elements(site: Site) -> Iterator[Raw]:
    """An element of a display is one too many."""
    node = site.node
    if isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 2 and isinstance(node.ctx, ast.Load):
        every: list[ast.expr | ast.keyword] = [*node.elts]
        for index in range(len(every)):
            yield Raw("drop-element", 1.0, (_cut(site, every, index),))


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
                splices = (_over(site, one, site.source(other)), _over(site, other, site.source(one)))
                yield Raw("swap-elements", 0.5 if stored else 1.0, splices)


def awaits(site: Site) -> Iterator[Raw]:
    """`f()` <-> `await f()` in an async function; `yield x` <-> `yield from x`."""
    node = site.node
    if isinstance(node, ast.Call) and isinstance(site.place.function, ast.AsyncFunctionDef):
        if not isinstance(site.parent, ast.Await) and not site.bound:
            yield site.around("missing-await", "await ", "", 1.0, AWAIT)
    elif isinstance(node, ast.Await):
        yield site.become("drop-await", node.value, 1.0)
    elif (
        isinstance(node, ast.Yield) and node.value is not None and isinstance(site.place.function, ast.FunctionDef)
    ):
        start = site.text.start(node)
        yield Raw("swap-yield", 1.0, (Splice(start, start + 5, b"yield from"),))
    elif isinstance(node, ast.YieldFrom):
        start = site.text.start(node)
        end = site.text.start(node.value)
        yield Raw("swap-yield", 1.0, (Splice(start, end, b"yield "),))


def lambdas(site: Site) -> Iterator[Raw]:
    """A lambda binds a loop's variable when it is made, not when it is called: `lambda: i` -> `lambda i=i: i`."""
    node = site.node
    if not isinstance(node, ast.Lambda):
        return
    own = {argument.arg for argument in node.args.args}
    free = [n.id for n in ast.walk(node.body) if isinstance(n, ast.Name) and n.id not in own]
    start = site.text.start(node) + len("lambda")
    for name in dict.fromkeys(free):
        if name in site.names() and node.args.vararg is None and node.args.kwarg is None:
            if own:
                ends: list[ast.arg | ast.expr] = [*node.args.args, *node.args.defaults]
                at = max(site.text.end(part) for part in ends)
                yield Raw("late-binding", 0.8, (Splice(at, at, f", {name}={name}".encode()),))
            else:
                yield Raw("late-binding", 0.8, (Splice(start, start, f" {name}={name}".encode()),))


def formatting(site: Site) -> Iterator[Raw]:
    """An f-string with another variable, format or conversion; the whole literal is written anew.

    Before Python 3.12 positions inside an f-string are not reliable.
    """
    node = site.node
    if not isinstance(node, ast.JoinedStr):
        return
    for index, part in enumerate(node.values):
        if not isinstance(part, ast.FormattedValue):
            continue
        for value, operator, factor in _inner(site, part):
            changed = copy.deepcopy(node)
            changed.values[index] = value
            yield site.replace(operator, ast.unparse(changed), ATOM, factor)
    yield from _literals(site, node)


def _literals(site: Site, node: ast.JoinedStr) -> Iterator[Raw]:
    """An f-string with other text between its values, or with its values in another order."""
    for index, part in enumerate(node.values):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            value = part.value
            variants = (
                [mark for mark in _MARKS if mark != value] if value in _MARKS else [value.strip(), value + " "]
            )
            for rank, new in enumerate(variants):
                if new != value:
                    changed = copy.deepcopy(node)
                    changed.values[index] = ast.Constant(new)
                    yield site.replace("replace-string", ast.unparse(changed), ATOM, 0.9**rank)
    spots = [index for index, part in enumerate(node.values) if isinstance(part, ast.FormattedValue)]
    for one, other in pairwise(spots):
        changed = copy.deepcopy(node)
        changed.values[one], changed.values[other] = changed.values[other], changed.values[one]
        yield site.replace("swap-elements", ast.unparse(changed), ATOM, 0.8)


def _inner(site: Site, part: ast.FormattedValue) -> Iterator[tuple[ast.FormattedValue, str, float]]:
    for rule, factor in (
        (replace_variable, 0.8),
        (attributes, 0.7),
        (off_by_one, 0.6),
        (subscripts, 0.5),
        (swap_callee, 0.6),
        (swap_arithmetic, 0.6),
        (unwrap_call, 0.4),
    ):
        for new, operator, weight in _reread(site, part.value, rule):
            yield ast.FormattedValue(new, part.conversion, part.format_spec), operator, weight * factor
    if part.conversion == -1 and part.format_spec is None:
        yield ast.FormattedValue(part.value, ord("r"), None), "string-format", 0.5
    elif part.conversion != -1:
        yield ast.FormattedValue(part.value, -1, part.format_spec), "string-format", 0.5
    for spec in (".2f", ".1f", ".0f", ",", "02d", "03d"):
        literal = ast.JoinedStr([ast.Constant(spec)])
        if part.format_spec is None or tell(part.format_spec) != tell(literal):
            known = part.format_spec is not None
            yield ast.FormattedValue(part.value, -1, literal), "string-format", 0.4 if known else 0.15
    if part.format_spec is not None:
        yield ast.FormattedValue(part.value, part.conversion, None), "string-format", 0.3


def _reread(site: Site, value: ast.expr, rule: Rule) -> Iterator[tuple[ast.expr, str, float]]:
    """What a rule proposes for an expression inside an f-string, worked out on a text of its own."""
    inner = _Inner(ast.unparse(value))
    for raw in inner.propose(site, rule):
        try:
            yield ast.parse(inner.apply(raw), mode="eval").body, raw.operator, raw.factor
        except (SyntaxError, ValueError):
            continue


class _Inner:
    """The text of an expression as if it were a function's, so that rules can be used on it."""

    def __init__(self, source: str) -> None:
        self.prefix = "def _():\n return "
        self.text = Text(self.prefix + source)

    def propose(self, site: Site, rule: Rule) -> Iterator[Raw]:
        """The rule's edits of the expression, at the place where the f-string stands."""
        place = self.text.places[0]
        if not isinstance(place.node, ast.Return) or place.node.value is None:
            return
        here = dataclasses.replace(
            site,
            text=self.text,
            node=place.node.value,
            parent=ast.FormattedValue(place.node.value, -1),
            field="value",
        )
        yield from rule(here)

    def apply(self, raw: Raw) -> str:
        """The expression's text after an edit."""
        return self.text.apply(raw.splices).decode()[len(self.prefix) :]


RULES: tuple[Rule, ...] = (
    swap_comparison,
    other_comparisons,
    swap_boolean,
    drop_clause,
    negate,
    regroup,
    add_clause,
    replace_condition,
    swap_arithmetic,
    operands,
    off_by_one,
    constants,
    collections,
    replace_variable,
    attributes,
    swap_callee,
    unwrap_call,
    arguments,
    wrap_call,
    clamp,
    extremes,
    add_operand,
    round_up,
    reuse,
    same_syntax,
    constant_to_variable,
    subscripts,
    conditionals,
    comprehensions,
    tuples,
    elements,
    add_slice,
    lengths,
    awaits,
    lambdas,
    formatting,
)


def expression_edits(site: Site) -> Iterator[Raw]:
    """Everything that the rules propose for one expression."""
    if isinstance(site.node, ast.Constant) and isinstance(site.parent, ast.Expr):
        return
    for rule in RULES:
        yield from rule(site)

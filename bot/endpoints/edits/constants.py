"""Edits of literals: another number, text or truth value, or a variable in its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.endpoints.edits.scope import NUMERIC, SIZED, alike
from bot.endpoints.edits.site import ATOM, COMPARE, NOT, UNARY, Raw, Site, level


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
    variants += [mark for mark in MARKS if mark != value] if value in MARKS else []
    variants = [*_OPPOSITES.get(value, ()), *variants]
    for rank, new in enumerate(dict.fromkeys(variants)):
        if new != value:
            yield site.replace("replace-string", repr(new), ATOM, 0.9**rank)
    if site.inside is None and not isinstance(site.parent, ast.Compare | ast.Call | ast.Attribute):
        yield site.replace("replace-constant", "None", ATOM, 0.3)


MARKS = (",", ";", ":", "&", "=", "-", "_", ".", "/", " ", "|", "\n", "+", "\t")
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

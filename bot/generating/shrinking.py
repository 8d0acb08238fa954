"""Smaller inputs that still do it: the reader of a finding should see nothing that does not matter.

Hypothesis's own shrinker asks about one candidate after the other; here each question is a call in a container,
which costs as much as a hundred candidates in one. So all one-step reductions are tried together, and the smallest
that holds is where the next round begins.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence

from bot.generating.writing import elements, parsed, source_of

MOST_NODES = 250
"""A larger input is left as it is."""


def size(source: str) -> tuple[int, int]:
    """What makes an input small to a reader: few parts, then few characters."""
    tree = parsed(source)
    return (sum(1 for _ in ast.walk(tree)) if tree is not None else 10**6, len(source))


def order(source: str) -> tuple[int, int, str]:
    """By size; of equal ones `0` before `7`, and `a` before `h`."""
    return (*size(source), source)


def shrink(
    source: str,
    holds: Callable[[Sequence[str]], Sequence[bool]],
    *,
    defaults: Sequence[str | None] = (),
    rounds: int = 6,
    batch: int = 60,
) -> str:
    """The smallest input found that still does it, or the one that was given.

    `holds` says of many inputs at once which of them do; it may answer for the first of them only, and then the
    rest does not count. `defaults` are the parameters' own, tried in their places.
    """
    best = source
    tried = {source}
    for _ in range(rounds):
        smaller = [one for one in reductions(best, defaults) if one not in tried and order(one) < order(best)]
        smaller = sorted(dict.fromkeys(smaller), key=order)
        # The boldest steps, and the most careful: often only those hold.
        wanted = smaller if len(smaller) <= batch else [*smaller[: batch // 2], *smaller[-(batch - batch // 2) :]]
        if not wanted:
            break
        tried.update(wanted)
        held = [one for one, does in zip(wanted, holds(wanted), strict=False) if does]
        if not held:
            break
        best = min(held, key=order)
    return best


def reductions(source: str, defaults: Sequence[str | None] = ()) -> Iterator[str]:
    """Inputs that are one step smaller: an element dropped, a collection halved or emptied, a number nearer to
    zero, a text cut."""
    nodes = elements(source)
    if nodes is None or sum(1 for node in nodes for _ in ast.walk(node)) > MOST_NODES:
        return
    for at, node in enumerate(nodes):
        default = parsed(defaults[at] or "") if at < len(defaults) else None
        made = [default] if default is not None else []
        for one in (*made, *_smaller(node)):
            yield source_of([*nodes[:at], one, *nodes[at + 1 :]])


def _smaller(node: ast.expr) -> Iterator[ast.expr]:
    """Versions of one expression with one place in it made smaller."""
    yield from _itself(node)
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.expr) and not (isinstance(node, ast.Call) and name == "func"):
            yield from (_with(node, name, one) for one in _smaller(value))
        elif isinstance(value, list):
            for at, item in enumerate(value):
                if isinstance(item, ast.keyword):
                    for one in _smaller(item.value):
                        yield _with(node, name, [*value[:at], ast.keyword(item.arg, one), *value[at + 1 :]])
                elif isinstance(item, ast.expr):
                    for one in _smaller(item):
                        yield _with(node, name, [*value[:at], one, *value[at + 1 :]])


def _with(node: ast.expr, name: str, value: object) -> ast.expr:
    made = copy.copy(node)
    setattr(made, name, value)
    return made


def _itself(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            for kept in _fewer(list(range(len(items)))):
                if kept or not isinstance(node, ast.Set):
                    yield _with(node, "elts", [items[at] for at in kept])
        case ast.Dict(keys=keys, values=values):
            for kept in _fewer(list(range(len(keys)))):
                yield ast.Dict([keys[at] for at in kept], [values[at] for at in kept])
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            yield node.operand
        case ast.Constant(value=bool() | None):
            return
        case ast.Constant(value=int() as number):
            yield from (ast.Constant(one) for one in (0, 1, number // 2, number - 1) if 0 <= one < number)
        case ast.Constant(value=float() as number):
            shorter = (0.0, 1.0, float(int(number)), round(number, 1)) if abs(number) < 1e15 else (0.0, 1.0)
            yield from (ast.Constant(one) for one in shorter if one != number)
        case ast.Constant(value=str() as text):
            yield from (ast.Constant("".join(text[at] for at in kept)) for kept in _fewer(list(range(len(text)))))
            plain = "".join("a" if letter.isalpha() else letter for letter in text)
            if plain != text:
                yield ast.Constant(plain)
        case ast.Constant(value=bytes() as data):
            yield from (ast.Constant(bytes(data[at] for at in kept)) for kept in _fewer(list(range(len(data)))))


def _fewer(places: list[int]) -> Iterator[list[int]]:
    """Nothing, either half, and all but one: what is left of so many places."""
    if not places:
        return
    yield []
    half = len(places) // 2
    if half:
        yield places[:half]
        yield places[half:]
    if 1 < len(places) <= 40:
        yield from (places[:at] + places[at + 1 :] for at in range(len(places)))

"""Values as Python source and back: literals, and some types of the standard library that arguments often are."""

from __future__ import annotations

import ast
import datetime
import decimal
import math
import pathlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

LONGEST = 20_000
"""Characters of one source that are read."""


@dataclass(frozen=True)
class Written:
    """A value that the host has no business making: its source, used word for word."""

    text: str
    needs: tuple[str, ...] = ()


class NotWritten(Exception):
    """A value that has no source here."""


def write(value: object) -> tuple[str, tuple[str, ...]]:
    """(source, import statements that it needs) of a value. Raises NotWritten."""
    needs: dict[str, None] = {}
    return _write(value, needs), tuple(needs)


def _write(value: object, needs: dict[str, None]) -> str:
    if isinstance(value, Written):
        needs.update(dict.fromkeys(value.needs))
        return value.text
    kind = type(value)
    if kind is float:
        return repr(value) if math.isfinite(float(str(value))) else f"float('{value}')"
    if value is None or value is ... or kind in (bool, int, complex, str, bytes):
        return "..." if value is ... else repr(value)
    if kind in (list, tuple, set, frozenset):
        return _write_collection(kind, [_write(item, needs) for item in _ordered(value)])
    if isinstance(value, dict) and kind is dict:
        return "{" + ", ".join(f"{_write(k, needs)}: {_write(v, needs)}" for k, v in value.items()) + "}"
    if kind is bytearray:
        return f"bytearray({bytes(value)!r})" if isinstance(value, bytearray) else ""
    if isinstance(value, decimal.Decimal):
        needs["from decimal import Decimal"] = None
        return f"Decimal({str(value)!r})"
    if isinstance(value, pathlib.PurePath):
        needs["from pathlib import Path"] = None
        return f"Path({value.as_posix()!r})"
    if kind in (datetime.datetime, datetime.date, datetime.time, datetime.timedelta):
        needs["import datetime"] = None
        return repr(value)
    raise NotWritten(kind.__name__)


def _ordered(value: Any) -> Iterable[object]:
    """Elements in an order that does not depend on the hash seed."""
    return sorted(value, key=repr) if isinstance(value, set | frozenset) else value


def _write_collection(kind: type, parts: list[str]) -> str:
    inner = ", ".join(parts)
    if kind is list:
        return f"[{inner}]"
    if kind is tuple:
        return f"({inner},)" if len(parts) == 1 else f"({inner})"
    if kind is set:
        return f"{{{inner}}}" if parts else "set()"
    return f"frozenset({{{inner}}})" if parts else "frozenset()"


def parsed(source: str) -> ast.expr | None:
    """The tree of an expression; None where it is none."""
    if not source or len(source) > LONGEST:
        return None
    try:
        return ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def elements(source: str) -> list[ast.expr] | None:
    """The expressions of a tuple's source: one for each argument. None where it is no tuple."""
    tree = parsed(source)
    return list(tree.elts) if isinstance(tree, ast.Tuple) else None


def value_of(node: ast.expr) -> object:
    """The value of a literal, nested ones too; what is none comes back as `Written`, word for word."""
    try:
        return _literal(node)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return Written(ast.unparse(node))


def _literal(node: ast.expr) -> object:
    match node:
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str(text))], keywords=[]):
            return float(text)
        case ast.Call(func=ast.Name(id="set" | "frozenset" as name), args=args, keywords=[]) if len(args) <= 1:
            inner = _literal(args[0]) if args else ()
            if not isinstance(inner, list | tuple | set | frozenset):
                raise ValueError("not a collection")
            return set(inner) if name == "set" else frozenset(inner)
        case ast.List(elts=items):
            return [value_of(item) for item in items]
        case ast.Tuple(elts=items):
            return tuple(value_of(item) for item in items)
        case ast.Set(elts=items):
            return {value_of(item) for item in items}
        case ast.Dict(keys=keys, values=values) if all(key is not None for key in keys):
            pairs = zip(keys, values, strict=True)
            return {value_of(key): value_of(value) for key, value in pairs if key is not None}
    return ast.literal_eval(node)


def source_of(nodes: Iterable[ast.expr]) -> str:
    """The source of a tuple of expressions."""
    return _write_collection(tuple, [ast.unparse(node) for node in nodes])


def arguments(source: str) -> tuple[str, ...]:
    """The source of each argument, from that of a tuple; none where it is no tuple."""
    return tuple(ast.unparse(node) for node in elements(source) or ())


def close(one: str, other: str, tolerance: float) -> bool:
    """Whether two sources are equal but for the rounding of floating-point numbers in them."""
    trees = parsed(one), parsed(other)
    return trees[0] is not None and trees[1] is not None and _close(trees[0], trees[1], tolerance)


def _close(one: object, other: object, tolerance: float) -> bool:
    if isinstance(one, ast.Constant) and isinstance(other, ast.Constant):
        a, b = one.value, other.value
        if isinstance(a, float) and isinstance(b, float):
            return math.isclose(a, b, rel_tol=tolerance, abs_tol=1e-12)
        return type(a) is type(b) and a == b
    if isinstance(one, ast.AST) and isinstance(other, ast.AST):
        pairs = zip(ast.iter_fields(one), ast.iter_fields(other), strict=False)
        return type(one) is type(other) and all(a[0] == b[0] and _close(a[1], b[1], tolerance) for a, b in pairs)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_close(a, b, tolerance) for a, b in zip(one, other, strict=True))
    return one == other

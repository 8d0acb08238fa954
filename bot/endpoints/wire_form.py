"""Requests, answers and capabilities as JSON and back, for what is kept on disk: the cache and recordings.

The form follows the dataclasses: a field that joins one of them is carried without a change here, and a value that
equals its default is left out. Reading trusts nothing: what has not exactly the promised shape is a FormError.
(pydantic's JSON refuses halves of surrogate pairs, which models do answer; hence the standard library's.)
"""

from __future__ import annotations

import functools
import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union

from bot.errors import BudgetSpent, EndpointError

T = TypeVar("T")
_WORDS = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}
"""JSON has no such numbers, log-probabilities do: they are written as words."""


class FormError(ValueError):
    """Text or a value that is not the form of what was asked for; the message says where."""


def dumps(form: object) -> str:
    """One line of ASCII. Raises ValueError for a number that JSON does not have."""
    return json.dumps(form, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def loads(text: str) -> Any:
    """The JSON value of a text from a file. Raises FormError."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormError(f"no JSON: {error}") from None


def _no_constant(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def to_form(value: object) -> Any:
    """The JSON form of a dataclass of `bot.endpoints` or `bot.domain`, or of a value in one."""
    if is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_form(getattr(value, field.name))
            for field in fields(value)
            if field.default is MISSING or field.default != getattr(value, field.name)
        }
    if isinstance(value, Mapping):
        return {str(name): to_form(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_form(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def from_form(kind: type[T], form: object) -> T:
    """The value of dataclass `kind` that a form describes. Raises FormError."""
    return typing.cast("T", _read(kind, form, kind.__name__))


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, form: Any, where: str) -> Any:
    """One value of a type; `where` names its place."""
    if is_dataclass(kind):
        return _read_dataclass(typing.cast("type", kind), form, where)
    if kind is Any:
        return form
    if kind is float:
        if isinstance(form, str) and form in _WORDS:
            return _WORDS[form]
        if isinstance(form, int | float) and not isinstance(form, bool) and math.isfinite(form):
            return float(form)
    elif kind is type(None):
        if form is None:
            return None
    elif isinstance(kind, type) and kind in (str, int, bool):
        if type(form) is kind:
            return form
    else:
        return _read_composed(kind, form, where)
    raise FormError(f"{where}: not {_name(kind)}")


def _read_composed(kind: Any, form: Any, where: str) -> Any:
    """A union, a literal, a tuple or a mapping."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        for member in inner:
            try:
                return _read(member, form, where)
            except FormError:
                continue
    elif origin is Literal:
        if any(form == word and type(form) is type(word) for word in inner):
            return form
    elif origin is tuple and isinstance(form, list):
        if inner[-1] is Ellipsis:
            return tuple(_read(inner[0], item, f"{where}[{index}]") for index, item in enumerate(form))
        if len(form) == len(inner):
            pairs = zip(inner, form, strict=True)
            return tuple(_read(member, item, f"{where}[{index}]") for index, (member, item) in enumerate(pairs))
    elif origin is not None and issubclass(origin, Mapping) and isinstance(form, dict):
        return {name: _read(inner[1], item, f"{where}.{name}") for name, item in form.items()}
    raise FormError(f"{where}: not {_name(kind)}")


def _read_dataclass(kind: type, form: Any, where: str) -> Any:
    if not isinstance(form, dict):
        raise FormError(f"{where}: not an object")
    known = {field.name: field for field in fields(kind)}
    strange = sorted(set(form) - set(known))
    if strange:
        raise FormError(f"{where}: {strange[0][:60]!r} is not known")
    needed = (name for name, f in known.items() if f.default is MISSING and f.default_factory is MISSING)
    for name in needed:
        if name not in form:
            raise FormError(f"{where}: {name} is missing")
    hints = _hints(kind)
    return kind(**{name: _read(hints[name], item, f"{where}.{name}") for name, item in form.items()})


def _name(kind: Any) -> str:
    return kind.__name__ if isinstance(kind, type) else str(kind).replace("typing.", "")


# ------------------------------------------------------------------------------------------------------- errors


def error_form(error: EndpointError) -> dict[str, Any]:
    """The JSON form of an endpoint's error."""
    form: dict[str, Any] = {"slug": error.slug, "message": error.message, "hint": error.hint, "dead": error.dead}
    if isinstance(error, BudgetSpent):
        form.update(scope=error.scope, which=error.which)
    return form


def read_error(form: object) -> EndpointError:
    """The error that a form describes, to be raised again. Raises FormError."""
    if not isinstance(form, dict):
        raise FormError("error: not an object")
    words = {name: form.get(name, "") for name in ("slug", "message", "hint", "scope", "which")}
    for name, word in words.items():
        if not isinstance(word, str):
            raise FormError(f"error.{name}: not text")
    if not words["slug"] or not isinstance(form.get("dead", False), bool):
        raise FormError("error: no slug, or dead is neither true nor false")
    if words["which"]:
        return BudgetSpent(words["message"], scope=words["scope"], which=words["which"])
    dead = bool(form.get("dead", False))
    return EndpointError(words["message"], hint=words["hint"], slug=words["slug"], dead=dead)

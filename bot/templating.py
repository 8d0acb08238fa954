"""Jinja2's home: environments that are strict about names and print only text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import Environment

__all__ = ["Environment", "environment"]


def environment(filters: Mapping[str, Callable[..., Any]], names: Mapping[str, Any]) -> Environment:
    """An environment over `templates/`; an undefined name, or a value that is no text, raises where printed."""
    made = Environment(
        loader=jinja2.FunctionLoader(_template),
        undefined=jinja2.StrictUndefined,
        # Markdown, not HTML: the filters escape, and HTML entities in code spans would be wrong.
        autoescape=False,  # noqa: S701
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_only_text,
    )
    made.filters |= dict(filters)
    made.globals |= dict(names)
    return made


def _only_text(value: object) -> object:
    """Refuses to print what a template did not mean to print. Raises TypeError."""
    if isinstance(value, str | int | jinja2.Undefined):  # an undefined name raises with its own message
        return value
    raise TypeError(f"a template prints {type(value).__name__}, not text")


def _template(name: str) -> str | None:
    """A template's text: beside the package in an installed wheel, in `templates/` of a checkout."""
    packaged = resources.files("bot") / "_templates" / name
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    source = Path(__file__).resolve().parent.parent / "templates" / name
    return source.read_text(encoding="utf-8") if source.is_file() else None

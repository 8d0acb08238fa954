"""Jinja2's home: environments that are strict about names and print only text, Markdown or escaped HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import Environment
from markupsafe import Markup, escape

__all__ = ["Environment", "Markup", "environment", "escape", "html_environment", "text_of"]


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


def html_environment(
    filters: Mapping[str, Callable[..., Any]], names: Mapping[str, Any], shown: Callable[[str], str]
) -> Environment:
    """The same for HTML: every text that is printed goes through `shown`, then is escaped.

    Only `Markup` is printed as it stands: what this package made, never what somebody else wrote.
    """

    def printed(value: object) -> object:
        if isinstance(value, Markup | jinja2.Undefined):
            return value
        value = _only_text(value)
        return shown(value) if isinstance(value, str) else value

    made = Environment(
        loader=jinja2.FunctionLoader(_template),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        finalize=printed,
    )
    made.filters |= dict(filters)
    made.globals |= dict(names)
    return made


def text_of(name: str) -> str:
    """The text of a file below `templates/` as it stands. Raises FileNotFoundError."""
    text = _template(name)
    if text is None:
        raise FileNotFoundError(name)
    return text


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

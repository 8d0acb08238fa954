"""Edits of f-strings: their values, their text, their formats."""

from __future__ import annotations

import ast
import copy
import dataclasses
from collections.abc import Iterator
from itertools import pairwise

from bot.endpoints.edits.arithmetic import off_by_one, swap_arithmetic
from bot.endpoints.edits.calls import swap_callee, unwrap_call
from bot.endpoints.edits.constants import MARKS
from bot.endpoints.edits.names import attributes, replace_variable
from bot.endpoints.edits.sequences import subscripts
from bot.endpoints.edits.site import ATOM, Raw, Rule, Site
from bot.endpoints.edits.text import Text, tell


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
                [mark for mark in MARKS if mark != value] if value in MARKS else [value.strip(), value + " "]
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

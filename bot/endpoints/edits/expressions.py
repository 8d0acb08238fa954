"""Edits of one expression: all the rules, each of which yields what its node could have been meant to be."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.endpoints.edits.arithmetic import (
    add_operand,
    clamp,
    extremes,
    off_by_one,
    operands,
    round_up,
    swap_arithmetic,
)
from bot.endpoints.edits.calls import arguments, awaits, swap_callee, unwrap_call, wrap_call
from bot.endpoints.edits.conditions import (
    add_clause,
    conditionals,
    drop_clause,
    negate,
    other_comparisons,
    regroup,
    replace_condition,
    swap_boolean,
    swap_comparison,
)
from bot.endpoints.edits.constants import constant_to_variable, constants
from bot.endpoints.edits.fstrings import formatting
from bot.endpoints.edits.names import attributes, lambdas, replace_variable, reuse, same_syntax
from bot.endpoints.edits.sequences import (
    add_slice,
    collections,
    comprehensions,
    elements,
    lengths,
    subscripts,
    tuples,
)
from bot.endpoints.edits.site import Raw, Rule, Site

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

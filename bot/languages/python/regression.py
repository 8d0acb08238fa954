"""Tests made of one call: with the arguments that were seen, expecting what a version answered."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from bot.domain import Function
from bot.languages import Files, Parameter, Unparsable
from bot.languages.python import functions, witness


def parameters(function: Function) -> tuple[Parameter, ...]:
    """The parameters of a function in order. Raises Unparsable."""
    arguments = functions.parse_function(function.source).args
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    found = [
        parameter(node, "p", default)
        for node, default in zip(plain, [*defaults, *arguments.defaults], strict=True)
    ]
    if arguments.vararg is not None:
        found.append(parameter(arguments.vararg, "*", None))
    found += [
        parameter(node, "k", default)
        for node, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg is not None:
        found.append(parameter(arguments.kwarg, "**", None))
    return tuple(found)


def parameter(node: ast.arg, kind: str, default: ast.expr | None) -> Parameter:
    """One parameter."""
    return Parameter(
        node.arg,
        kind,
        ast.unparse(node.annotation) if node.annotation is not None else "",
        ast.unparse(default) if default is not None else None,
    )


def imported_by_test(function: Function, files: Files) -> str:
    """See `Language.imported_by_test`."""
    module = witness.module_of(function.path, files)
    name = module.rpartition(".")[2]
    return f"import {module}\n\n\ndef test_{name}_is_imported():\n    assert {module}\n"


def regression_test(
    function: Function, text: str, files: Files, arguments: str, answer: str, needs: Sequence[str]
) -> str:
    """See `Language.regression_test`."""
    del text, files, arguments, answer, needs
    raise Unparsable(f"no test is made of a call of {function.qualname} yet")

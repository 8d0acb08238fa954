"""The swappable unit of a Python function: the outermost function around it, and the way down to it."""

from __future__ import annotations

import ast
import itertools

from bot.domain import Function, Unit
from bot.languages import Unparsable

Def = ast.FunctionDef | ast.AsyncFunctionDef


def first_line(node: Def) -> int:
    """First line of a definition, decorators included: a code object's `co_firstlineno`."""
    return min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])


def lines_of(text: str) -> list[str]:
    """Lines of a text with their ends, split at line feeds only, as Python's own tokenizer counts them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1] + "\n"] if lines[-1] else [])


def path_to(tree: ast.Module, line: int) -> list[ast.AST]:
    """Nodes from the module down to the definition that starts at `line`, both ends included."""
    todo: list[list[ast.AST]] = [[tree]]
    while todo:
        path = todo.pop()
        node = path[-1]
        if isinstance(node, Def) and first_line(node) == line:
            return path
        todo.extend([*path, child] for child in ast.iter_child_nodes(node))
    return []


def unit_of(text: str, function: Function) -> Unit:
    """The unit around a function of a file. Raises Unparsable when the text does not hold it there."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as problem:
        raise Unparsable(str(problem), getattr(problem, "lineno", 0) or 0) from problem
    path = path_to(tree, function.start_line)
    definitions = [node for node in path if isinstance(node, Def)]
    if not definitions:
        raise Unparsable(f"no function starts at line {function.start_line}", function.start_line)
    outer, target = definitions[0], definitions[-1]
    before = path[: path.index(outer)]
    classes = tuple(node.name for node in before if isinstance(node, ast.ClassDef))
    steps = []
    for parent, child in itertools.pairwise(definitions):
        same = [n for n in ast.walk(parent) if isinstance(n, Def) and n is not parent and n.name == child.name]
        same.sort(key=lambda node: node.lineno)
        steps.append((child.name, same.index(child)))
    start = first_line(outer)
    lines = lines_of(text)[start - 1 : outer.end_lineno]
    return Unit(
        path=function.path,
        line=start,
        name=outer.name,
        classes=classes,
        source="".join(lines),
        target_path=tuple(steps),
        parameters=parameters(target),
    )


def parameters(node: Def) -> tuple[tuple[str, str], ...]:
    """Names and ways of passing, in the order of the call."""
    spec = node.args
    found = [(a.arg, "p") for a in [*spec.posonlyargs, *spec.args]]
    if spec.vararg:
        found.append((spec.vararg.arg, "*"))
    found += [(a.arg, "k") for a in spec.kwonlyargs]
    if spec.kwarg:
        found.append((spec.kwarg.arg, "**"))
    return tuple(found)


def with_source(unit: Unit, function: Function, source: str) -> str:
    """The unit's text with the function's lines replaced."""
    lines = lines_of(unit.source)
    start = function.start_line - unit.line
    end = function.end_line - unit.line + 1
    return "".join([*lines[:start], *lines_of(source), *lines[end:]])

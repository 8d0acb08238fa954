"""Proposed witnesses as Python: a call made into a test, a stub that answers it, how tests import a module.

Nothing here runs the code. What a witness may not do is in `objections.py`; what it shows is seen by running it.
"""

from __future__ import annotations

import ast
import builtins
import re
import sys
from collections.abc import Iterator, Mapping

from bot.domain import Function
from bot.languages import Files, Unparsable
from bot.languages.python import functions

LONGEST = 20_000
"""Characters of a test module that are looked at; no honest witness is longer."""
MOST_TEST_FILES = 300
"""Test files that are asked how they import a module."""
PLACES = frozenset({"src", "lib", "python"})
"""Folders at the root that are a place for packages, not one of them, unless they hold an `__init__.py`."""

CLOSE = "rel=1e-9, abs=1e-12, nan_ok=True"
SAME = f'''\
def same(got, wanted):
    """Equal, floating-point numbers up to rounding, nan equal to itself."""
    if isinstance(wanted, float) and isinstance(got, (int, float)):
        return got == pytest.approx(wanted, {CLOSE})
    if isinstance(wanted, dict):
        alike = isinstance(got, dict) and got.keys() == wanted.keys()
        return alike and all(same(got[key], wanted[key]) for key in wanted)
    if isinstance(wanted, (list, tuple)):
        return isinstance(got, type(wanted)) and len(got) == len(wanted) and all(map(same, got, wanted))
    return got == wanted
'''


def test_name(code: str) -> str:
    """The name of the one test of a module. Raises Unparsable when it does not parse or holds none or several."""
    tree = parsed(code)
    tests = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    tests += [node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.name.startswith("Test")]
    if len(tests) != 1 or tests[0].startswith("Test"):
        raise Unparsable(
            f"a witness is a module with exactly one test function at its top level, not {len(tests)}"
        )
    return tests[0]


def parsed(code: str) -> ast.Module:
    """The tree of a test module. Raises Unparsable."""
    if len(code) > LONGEST:
        raise Unparsable(f"the test module is longer than {LONGEST} characters")
    if "\0" in code:
        raise Unparsable("the test module holds a NUL character")
    return functions.parse(code.replace("\r\n", "\n"))


# ------------------------------------------------------------------------------------------ a call as a test


def called(function: Function, text: str, files: Files, call: str, expected: str, raises: str) -> str:
    """A test module with one test that makes `call`, an expression, and expects `expected`, a literal.

    `expected` may be empty where `raises` says what comes out at head. Floating-point numbers are compared up to
    rounding, nan is equal to itself. `text` is the function's head file: what it defines is imported from it, the
    way the tests in `files` import it. Raises Unparsable when the call or the literal is none, or a name in them
    is neither built in, nor defined in that file, nor a module of the standard library.
    """
    what = expression(call, "the call")
    wanted = expression(expected, "the expected result") if expected.strip() else None
    if wanted is None and not raises:
        raise Unparsable("a call needs its expected result, or the exception that it raises")
    if wanted is not None and not literal(wanted):
        raise Unparsable(f"the expected result is not a Python literal: {expected[:80]}")
    imports = importing(function, text, files, what, wanted)
    # Where one number is expected, pytest's own comparison reads best when it fails.
    floats = wanted is not None and any(is_float(node) for node in ast.walk(wanted))
    got, made = making(function, what, wanted)
    name = "test_" + (re.sub(r"\W+", "_", bare(function)).strip("_") or "call")
    body = [*made, f"    got = {got}" if wanted is not None else f"    {got}"]
    if wanted is not None:
        body.append(f"    assert {compared(wanted, floats=floats)}")
    if made:
        imports = ["import asyncio", *imports]
    if floats:
        imports = ["import pytest", *imports]
    parts = ["\n".join(dict.fromkeys(imports))]
    parts += [SAME.rstrip("\n")] if wanted is not None and floats and not is_number(wanted) else []
    parts.append(f"def {name}():\n" + "\n".join(body))
    return "\n\n\n".join(parts) + "\n"


def expression(text: str, what: str) -> ast.expr:
    """The tree of one expression, which may await. Raises Unparsable."""
    # In parentheses, so that it may take several lines; in a coroutine, so that it may await.
    tree = parsed(f"async def f():\n return (\n{text}\n)\n")
    function = tree.body[0]
    if len(tree.body) == 1 and isinstance(function, ast.AsyncFunctionDef) and len(function.body) == 1:
        statement = function.body[0]
        if isinstance(statement, ast.Return) and statement.value is not None:
            return statement.value
    raise Unparsable(f"{what} is not one expression")


def literal(node: ast.expr) -> bool:
    """Whether an expression is a literal, or one of the few values that have none: `float("nan")`, `set()`."""
    match node:
        case ast.Constant():
            return True
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return isinstance(operand, ast.Constant) and isinstance(operand.value, int | float | complex)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub(), right=ast.Constant(value=complex())):
            return literal(left)
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            return all(literal(item) for item in items)
        case ast.Dict(keys=keys, values=values):
            return all(key is not None and literal(key) for key in keys) and all(literal(v) for v in values)
        case ast.Call(func=ast.Name(id="float" | "set" | "frozenset" | "bytearray"), args=args, keywords=[]):
            return len(args) <= 1 and all(literal(arg) for arg in args)
    return False


def is_float(node: ast.AST) -> bool:
    """Whether a part of a literal is a floating-point number."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "float"
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def is_number(node: ast.expr) -> bool:
    """Whether a literal is one number, no container of them."""
    return not isinstance(node, ast.List | ast.Tuple | ast.Set | ast.Dict)


def compared(wanted: ast.expr, *, floats: bool) -> str:
    """The comparison of `got` with what is wanted."""
    text = ast.unparse(wanted)
    if floats:
        return f"got == pytest.approx({text}, {CLOSE})" if is_number(wanted) else f"same(got, {text})"
    return f"got is {text}" if isinstance(wanted, ast.Constant) and wanted.value is None else f"got == {text}"


def making(function: Function, what: ast.expr, wanted: ast.expr | None) -> tuple[str, list[str]]:
    """(the expression that gives the result, lines of the test before it).

    A coroutine is awaited, and a generator's items are collected, where the call only makes it.
    """
    text = ast.unparse(what)
    awaits = any(isinstance(node, ast.Await) for node in ast.walk(what))
    direct = isinstance(what, ast.Call) and last_name(what.func) == bare(function)
    if function.is_generator and not function.is_async and direct:
        return (f"tuple({text})" if isinstance(wanted, ast.Tuple) else f"list({text})"), []
    if function.is_async and function.is_generator and direct:
        return "asyncio.run(made())", in_coroutine(f"[item async for item in {text}]")
    if awaits or (function.is_async and direct):
        return "asyncio.run(made())", in_coroutine(text if awaits else f"await {text}")
    return text, []


def in_coroutine(text: str) -> list[str]:
    """The lines of a coroutine function that gives an expression."""
    return ["    async def made():", f"        return {text}", ""]


def bare(function: Function) -> str:
    """The function's own name."""
    return function.qualname.rpartition(".")[2].partition("@")[0]


def last_name(node: ast.expr) -> str:
    """`c` of `a.b.c`; empty for what is no name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


# ----------------------------------------------------------------------------------------- how it is imported


def importing(
    function: Function, text: str, files: Files, what: ast.expr, wanted: ast.expr | None = None
) -> list[str]:
    """The import statements that the names of a call need. Raises Unparsable for a name of unknown origin."""
    module = module_of(function.path, files)
    package, _, last = module.rpartition(".")
    defined = set(names_of(functions.parse(text)))
    free = free_names(what) | (free_names(wanted) if wanted is not None else set())
    whole, own, standard = set(), set(), set()
    for name in sorted(free):
        if name in defined:
            own.add(name)
        elif name == last:
            whole.add(f"from {package} import {last}" if package else f"import {last}")
        elif name == module.partition(".")[0]:
            whole.add(f"import {module}")
        elif hasattr(builtins, name):
            continue
        elif name in sys.stdlib_module_names:
            standard.add(f"import {name}")
        else:
            raise Unparsable(f"the name `{name[:60]}` is neither built in nor defined in {function.path}")
    if not (own or whole):
        raise Unparsable(f"the call uses nothing that {function.path} defines")
    found = [*sorted(standard), *sorted(whole)]
    return [*found, f"from {module} import {', '.join(sorted(own))}"] if own else found


def free_names(node: ast.expr) -> set[str]:
    """Names that an expression reads and does not bind itself."""
    names = [n for n in ast.walk(node) if isinstance(n, ast.Name)]
    bound = {n.id for n in names if not isinstance(n.ctx, ast.Load)}
    bound |= {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return {n.id for n in names if isinstance(n.ctx, ast.Load)} - bound


def names_of(tree: ast.Module) -> Iterator[str]:
    """Names that a module binds at its top level, below `if` and `try` too."""
    todo: list[ast.stmt] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name))
        else:
            for block in ("body", "orelse", "finalbody"):
                todo += getattr(node, block, [])
            for handler in getattr(node, "handlers", []):
                todo += handler.body


def module_of(path: str, files: Files) -> str:
    """The dotted name by which tests import the file `path`: the one that test files use most, else by its place.

    By place: up to the outermost folder that has an `__init__.py`; without packages, the whole path but for a
    folder like `src`.
    """
    parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
    known = frozenset(files.paths())
    start = len(parts) - 1
    while start and "/".join(parts[:start]) + "/__init__.py" in known:
        start -= 1
    if start == len(parts) - 1:
        start = 1 if len(parts) > 1 and parts[0] in PLACES else 0
    default = ".".join(parts[start:])
    names = [".".join(parts[index:]) for index in range(len(parts))]
    counts = imported(parts[-1], files)
    return max(names, key=lambda name: (counts.get(name, 0), name == default))


def imported(last: str, files: Files) -> Mapping[str, int]:
    """Dotted module name -> how many test files import it, of those files that name `last` at all."""
    counts: dict[str, int] = {}
    tests = [path for path in files.paths() if path.endswith(".py") and functions.is_test(path)]
    for path in tests[:MOST_TEST_FILES]:
        data = files.read(path)
        if last.encode() not in data:
            continue
        try:
            tree = functions.parse(functions.decode(data))
        except Unparsable:
            continue
        names: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        for name in names:
            counts[name] = counts.get(name, 0) + 1
    return counts


# --------------------------------------------------------------------------------------------------- a stub


def stub(function: Function, expected: str) -> str:
    """The function's text with a body that does nothing but give `expected` (None where it is empty).

    The version that a call's own test must be content with. Raises Unparsable when it cannot be written so.
    """
    wanted = expression(expected, "the expected result") if expected.strip() else ast.Constant(None)
    if not literal(wanted):
        raise Unparsable("the expected result is not a Python literal")
    value = ast.unparse(wanted)
    node = functions.parse_function(function.source)
    first = node.body[0]
    if function.is_generator:
        body = f"for item in {value}: yield item" if function.is_async else f"yield from {value}"
    else:
        body = f"return {value}"
    lines = functions.lines_of(function.source)
    number = functions.first_line(first) - 1
    # Columns count bytes.
    before = lines[number].encode()[: first.col_offset].decode("utf-8", "replace")
    made = "".join(lines[:number]) + f"{before}{body}\n"
    functions.parse_function(made)
    return made

"""Tests made of one call: with the arguments that were seen, expecting what a version answered."""

from __future__ import annotations

import ast
import keyword
import re
import sys
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
    """See `Language.regression_test`.

    The result is compared where it is plain data, floating-point numbers up to rounding; where it is an object,
    whose class may know no equality, the call just has to return.
    """
    del text  # all that it names is imported by `needs`, but the function itself
    if any(scope.startswith(("def ", "async def ")) for scope in function.enclosing):
        raise Unparsable(f"{function.qualname} stands in a function: no test reaches it")
    given = witness.expression(arguments, "the arguments")
    taken = parameters(function)
    if not isinstance(given, ast.Tuple) or len(given.elts) != len(taken):
        raise Unparsable(f"not one argument for each parameter of {function.qualname}")
    statements = [witness.parsed(need).body for need in needs]
    bound = {name for body in statements for name in witness.names_of(ast.Module(body, []))}
    wanted = witness.expression(answer, "the expected result") if answer.strip() else None
    if wanted is not None and (not comparable(wanted) or witness.bare(function) == "__init__"):
        wanted = None
    root = function.qualname.partition(".")[0]
    module = witness.module_of(function.path, files)
    apart = root in bound  # `import total` and `from total import total` cannot stand together
    name, before, imported = callee(function, given.elts, f"{module}.{root}" if apart else root, bound)
    call = name if is_property(function) else f"{name}({', '.join(passed(function, taken, given.elts))})"
    got, made = resulting(function, call, wanted)
    written = set(re.findall(r"\w+", "\n".join([*before, got, *made, ast.unparse(wanted) if wanted else ""])))
    needs = [need for need in needs if not written.isdisjoint(witness.names_of(witness.parsed(need)))]
    imports = [need for need in needs if need.startswith(("import ", "from "))]
    if imported:
        imports.append(f"import {module}" if apart else f"from {module} import {root}")
    imports += ["import asyncio"] if made else []
    floats = wanted is not None and any(witness.is_float(node) for node in ast.walk(wanted))
    imports += ["import pytest"] if floats else []
    body = [*before, *made, f"    got = {got}" if wanted is not None else f"    {got}"]
    if wanted is not None:
        body.append(f"    assert {witness.compared(wanted, floats=floats)}")
    helpers = [need for need in needs if need not in imports]
    if wanted is not None and floats and not witness.is_number(wanted):
        helpers.append(witness.SAME.rstrip("\n"))
    test = "test_" + (re.sub(r"\W+", "_", witness.bare(function)).strip("_") or "call")
    parts = ["\n".join(sorted(dict.fromkeys(imports), key=import_order))] if imports else []
    code = "\n\n\n".join([*parts, *helpers, f"def {test}():\n" + "\n".join(body)]) + "\n"
    witness.parsed(code)
    return code


def import_order(line: str) -> tuple[bool, bool, str]:
    """The standard library first, plain imports before the others."""
    top = line.split()[1].partition(".")[0]
    return top not in sys.stdlib_module_names, line.startswith("from "), line


def kind_of(function: Function) -> str:
    """How it hangs on its class: `static`, `class`, `instance`; empty for a function of a module."""
    if not function.enclosing or not function.enclosing[-1].startswith("class "):
        return ""
    if decorated(function, "staticmethod") or witness.bare(function) == "__new__":
        return "static"
    made_so = witness.bare(function) in ("__init_subclass__", "__class_getitem__")
    return "class" if made_so or decorated(function, "classmethod") else "instance"


def decorated(function: Function, name: str) -> bool:
    """Whether a decorator of this name stands above it."""
    return any(
        line.lstrip("@").partition("(")[0].rpartition(".")[2].strip() == name for line in function.decorators
    )


def is_property(function: Function) -> bool:
    """Whether it is read as an attribute."""
    return decorated(function, "property") or decorated(function, "cached_property")


def callee(
    function: Function, given: Sequence[ast.expr], root: str, bound: set[str]
) -> tuple[str, list[str], bool]:
    """(what is called, lines of the test before it, whether the module's own name has to be imported)."""
    kind, name = kind_of(function), witness.bare(function)
    if name == "__init__" and kind == "instance":
        return ".".join([root, *function.qualname.split("@")[0].split(".")[1:-1]]), [], True
    if any(decorated(function, word) for word in ("setter", "deleter", "overload")):
        raise Unparsable(f"{function.qualname} is not called by its name")
    path = function.qualname.split("@")[0].split(".")
    if kind == "instance":
        if not given:
            raise Unparsable(f"{function.qualname} takes no object to be called on")
        owner = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path[-2]).lower().strip("_") or "it"
        owner += "_" if owner in bound or keyword.iskeyword(owner) or owner == path[0] else ""
        return f"{owner}.{name}", [f"    {owner} = {ast.unparse(given[0])}"], False
    if kind == "class":
        if not given:
            raise Unparsable(f"{function.qualname} takes no class to be called on")
        return f"{ast.unparse(given[0])}.{name}", [], False
    return ".".join([root, *path[1:]]), [], True


def passed(function: Function, taken: Sequence[Parameter], given: Sequence[ast.expr]) -> list[str]:
    """The arguments as a caller writes them: what is as by default left out, by name what comes after that."""
    by_place_alone = {node.arg for node in functions.parse_function(function.source).args.posonlyargs}
    pairs = list(zip(taken, given, strict=True))[kind_of(function) in ("instance", "class") :]
    more = any(p.kind == "*" and not (isinstance(g, ast.Tuple) and not g.elts) for p, g in pairs)
    # Whoever gives more by place gives all that stands before.
    last = max((at for at, (p, _) in enumerate(pairs) if more and p.kind == "p"), default=-1)
    last = max([last, *(at for at, (p, g) in enumerate(pairs) if p.name in by_place_alone and not usual(p, g))])
    found: list[str] = []
    left_out = False
    for at, (parameter, node) in enumerate(pairs):
        text = ast.unparse(node)
        if parameter.kind == "*":
            found += [ast.unparse(item) for item in node.elts] if isinstance(node, ast.Tuple) else [f"*{text}"]
        elif parameter.kind == "**":
            found += spread(node)
        elif at > last and usual(parameter, node):
            left_out = True
        elif parameter.kind == "k" or left_out:
            found.append(f"{parameter.name}={text}")
        else:
            found.append(text)
    return found


def usual(parameter: Parameter, node: ast.expr) -> bool:
    """Whether an argument is the parameter's default."""
    if parameter.default is None:
        return False
    default = witness.expression(parameter.default, "the default")
    return witness.literal(default) and ast.dump(default) == ast.dump(node)


def spread(node: ast.expr) -> list[str]:
    """Named arguments of a dict's source."""
    if isinstance(node, ast.Dict):
        keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
        names = [name for name in keys if isinstance(name, str) and name.isidentifier()]
        if len(names) == len(node.keys) and not any(map(keyword.iskeyword, names)):
            return [f"{name}={ast.unparse(value)}" for name, value in zip(names, node.values, strict=True)]
    return [f"**{ast.unparse(node)}"]


def comparable(wanted: ast.expr) -> bool:
    """Whether a result is plain data, or made of types of the standard library that are equal when their values
    are."""
    calls = [node for node in ast.walk(wanted) if isinstance(node, ast.Call)]
    tops = {ast.unparse(call.func).partition(".")[0] for call in calls}
    known = {"float", "set", "frozenset", "bytearray", "complex", "range", "slice"}
    return tops <= known | {"datetime", "decimal", "fractions", "pathlib", "uuid", "collections"}


def resulting(function: Function, call: str, wanted: ast.expr | None) -> tuple[str, list[str]]:
    """(the expression that gives the result, lines of the test before it): items collected, coroutines awaited."""
    if function.is_async:
        inner = f"[item async for item in {call}]" if function.is_generator else f"await {call}"
        return "asyncio.run(calling())", ["    async def calling():", f"        return {inner}", ""]
    lazy = function.is_generator or returns_iterator(function)
    return (f"list({call})" if lazy and (wanted is None or isinstance(wanted, ast.List)) else call), []


LAZY = frozenset({"map", "filter", "zip", "enumerate", "reversed", "iter"})


def returns_iterator(function: Function) -> bool:
    """Whether what it returns is, by its text, used up by whoever looks at it."""
    for node in ast.walk(functions.parse_function(function.source)):
        value = node.value if isinstance(node, ast.Return) else None
        if isinstance(value, ast.GeneratorExp):
            return True
        if isinstance(value, ast.Call):
            name = ast.unparse(value.func)
            if name in LAZY or name.startswith("itertools."):
                return True
    return False

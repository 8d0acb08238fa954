"""Text that is evaluated and pickles that are loaded: kept to plain expressions and to plain data."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from bot.endpoints.edits.remedies import Code, Remedy, literal, remedy

HARMLESS_CALLS = ("abs", "bool", "float", "int", "len", "max", "min", "round", "str", "sum")
"""Builtins that only compute; what they are given by position is never called."""
RUNNERS = frozenset({"eval", "exec", "compile", "__import__", "getattr", "open", "globals", "locals", "vars"})
_NODES = (
    "Expression Constant Name expr_context UnaryOp unaryop BinOp operator BoolOp boolop Compare cmpop IfExp"
    " Tuple List Subscript Slice"
)
_TEXT_METHODS = frozenset({"strip", "lstrip", "rstrip", "replace", "lower", "upper", "format", "removeprefix"})
_TIMES = ("date", "datetime", "time", "timedelta", "timezone")
_PLAIN = (
    *(("builtins", name) for name in ("complex", "frozenset", "set")),
    ("collections", "OrderedDict"),
    *(("datetime", name) for name in _TIMES),
    ("decimal", "Decimal"),
)
"""Classes of which pickled data may hold values: they compute, and call nothing that they are given."""


def expressions(code: Code) -> Iterator[Remedy]:
    """`eval(x)` -> looks first whether `x` is a plain expression: no attribute, no call but of plain functions.

    What is refused raises at the place of the evaluation, so that whatever takes its errors takes this one, too.
    """
    for call, _ in code.calls("eval", "builtins.eval"):
        given = _evaluated(code, call)
        if given is None or not _always(code, call) or not _pure(code, given):
            continue
        names = _callable(code, call)
        if names is None:
            continue
        module, imports = code.use("ast.walk")
        tree = module.rpartition(".")[0]
        if not tree:
            continue  # the module imports single names of ast
        text = code.source(given)
        owner = text if isinstance(given, ast.Name | ast.Attribute | ast.Subscript | ast.Call) else f"({text})"
        plain, node = code.fresh("plain"), code.fresh("node")
        kinds = [f"{tree}.{name}" for name in _NODES.split()]
        lines = [", ".join(kinds[start : start + 6]) for start in range(0, len(kinds), 6)]
        # Errors of a text that does not parse say the same as before.
        walk = f'for {node} in {tree}.walk({tree}.parse({owner}.strip(), "<string>", "eval")):'
        told = f"raise ValueError({literal('not a plain expression')})"
        rows = [f"{plain} = (", *(f"    {line}," for line in lines), ")", walk]
        if names:
            known = ", ".join(map(literal, names)) + ("," if len(names) == 1 else "")
            called, functions = code.fresh("called"), code.fresh("functions")
            rows.insert(-1, f"{functions} = ({known})")
            rows += [
                f"    {called} = isinstance({node}, {tree}.Call) and isinstance({node}.func, {tree}.Name)",
                f"    if not isinstance({node}, {plain}) and not ({called} and {node}.func.id in {functions}):",
                f"        {told}",
            ]
        else:
            rows += [f"    if not isinstance({node}, {plain}):", f"        {told}"]
        # Without a space of its own, the text may mean anything that the function can see.
        factor = 0.9 if len(call.args) > 1 else 0.6
        yield from remedy(call, "plain-expression", [code.before(call, rows)], factor, imports)


def _evaluated(code: Code, call: ast.Call) -> ast.expr | None:
    """The text that is evaluated; None where something else is, such as code that was compiled before."""
    if not call.args or isinstance(call.args[0], ast.Starred):
        return None
    given = call.args[0]
    made = code.resolved(given)
    if isinstance(made, ast.Call) and code.origin(made.func) in ("compile", "ast.parse", "builtins.compile"):
        return None
    return given


def _always(code: Code, call: ast.Call) -> bool:
    """Whether the call is reached whenever its statement is, and a statement can be put right before that one."""
    place, header = code.place(call), code.header(call)
    if place is None or header is None or place.node is not header.node or isinstance(place.node, ast.While):
        return False
    here: ast.AST = call
    while here is not place.node:
        parent = code.parents[here]
        first = isinstance(parent, ast.BoolOp) and parent.values[0] is here
        if isinstance(parent, ast.BoolOp) and not first:
            return False
        if isinstance(parent, ast.IfExp) and parent.test is not here:
            return False
        if isinstance(parent, ast.Lambda | ast.comprehension | ast.ListComp | ast.SetComp | ast.DictComp):
            return False
        if isinstance(parent, ast.GeneratorExp):
            return False
        here = parent
    return True


def _pure(code: Code, node: ast.expr) -> bool:
    """Whether a text can be read twice: nothing is called for it but methods of texts."""
    for part in ast.walk(node):
        if isinstance(part, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
            return False
        if isinstance(part, ast.Call):
            method = part.func.attr if isinstance(part.func, ast.Attribute) else ""
            if method not in _TEXT_METHODS and code.origin(part.func) != "str":
                return False
    return True


def _callable(code: Code, call: ast.Call) -> tuple[str, ...] | None:
    """Names of functions that evaluated text may call; None where that cannot be told."""
    every = list(call.args[1:]) + [keyword.value for keyword in call.keywords]
    if any(isinstance(value, ast.Starred) for value in every) or len(every) > 2:
        return None
    builtins = True
    names: list[str] = []
    for value in every[:1]:
        made = code.resolved(value)
        if isinstance(made, ast.Constant) and made.value is None:
            continue
        found = _literal_space(code, made)
        if found is None:
            return None
        builtins, given = found
        names += given
    wanted = dict.fromkeys([*names, *(HARMLESS_CALLS if builtins else ())])
    return None if RUNNERS & wanted.keys() else tuple(sorted(wanted))


def _literal_space(code: Code, made: ast.expr) -> tuple[bool, list[str]] | None:
    """(whether builtins are in reach, the names of its functions) of a dictionary that is written out."""
    if isinstance(made, ast.Call) and code.origin(made.func) == "dict" and not made.args and not made.keywords:
        return True, []
    if not isinstance(made, ast.Dict):
        return None
    builtins = True
    names: list[str] = []
    for key, value in zip(made.keys, made.values, strict=True):
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return None
        if key.value == "__builtins__":
            inner = _literal_space(code, value) if isinstance(value, ast.Dict) else (False, [])
            empty = isinstance(value, ast.Dict) or (isinstance(value, ast.Constant) and not value.value)
            if inner is None or not empty:
                return None
            builtins = False
            names += inner[1]
        elif {code.origin(value), key.value} & RUNNERS or code.origin(value) in code.sources:
            return None  # what runs code, or a module: formulas would ask it for its attributes
        elif isinstance(value, ast.Name | ast.Attribute | ast.Lambda):
            names.append(key.value)
    return builtins, names


def pickles(code: Code) -> Iterator[Remedy]:
    """`pickle.loads(x)` -> a reader that makes plain values, and no object of any other class.

    Where the module writes such pickles itself, they may hold anything; they are known to be plain only where
    the version before read what holds nothing else.
    """
    if _writes_pickles(code) and not any(word in code.before_text for word in ("json.", "literal_eval(")):
        return
    for call, origin in code.calls("pickle.loads", "pickle.load"):
        if not call.args or isinstance(call.args[0], ast.Starred):
            continue
        reader, imports = code.use("pickle.Unpickler")
        error, _ = code.use("pickle.UnpicklingError")
        name, known = code.fresh("PlainUnpickler"), code.fresh("plain")
        pairs = [f'("{module}", "{kind}")' for module, kind in _PLAIN]
        lines = [", ".join(pairs[start : start + 3]) for start in range(0, len(pairs), 3)]
        rows = [
            f"{known} = {{",
            *(f"    {line}," for line in lines),
            "}",
            f"class {name}({reader}):",
            "    def find_class(self, module, name):",
            f"        if (module, name) not in {known}:",
            f'            raise {error}(f"not plain data: {{module}}.{{name}}")',
            "        return super().find_class(module, name)",
        ]
        text = code.source(call.args[0])
        needs = imports
        if origin == "pickle.loads":
            stream, more = code.use("io.BytesIO")
            text = f"{stream}({text})"
            needs = (*imports, *more)
        rest = [f", {keyword.arg}={code.source(keyword.value)}" for keyword in call.keywords if keyword.arg]
        splices = [code.before(call, rows), *code.swap((call, f"{name}({text}{''.join(rest)}).load()"))]
        yield from remedy(call, "plain-data", splices, 1.0, tuple(dict.fromkeys(needs)))


def _writes_pickles(code: Code) -> bool:
    called = {
        code.origin(node.func)
        for node in ast.walk(code.module)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name)
    }
    return bool(called & {"pickle.dump", "pickle.dumps", "pickle.Pickler"})

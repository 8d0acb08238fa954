"""Edits of calls: another function, other arguments, a call too many or too few, `await` and `yield`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from bot.endpoints.edits.scope import BUILTINS, alike
from bot.endpoints.edits.site import ATOM, AWAIT, Raw, Site, drop_item, is_target, level, overwrite
from bot.endpoints.edits.text import Splice, tell

# ------------------------------------------------------------------------------------------------- callees

_FUNCTIONS: tuple[tuple[str, ...], ...] = (
    ("any", "all"),
    ("min", "max"),
    ("sorted", "reversed", "list"),
    ("list", "tuple", "set", "sorted"),
    ("dict", "list", "set"),
    ("int", "float", "round", "str"),
    ("str", "repr"),
    ("ord", "chr"),
    ("range", "enumerate"),
    ("zip", "zip_longest"),
    ("len", "sum", "max"),
    ("sum", "max", "len"),
    ("map", "filter"),
    ("ceil", "floor", "trunc"),
    ("divmod", "pow"),
    ("isinstance", "issubclass"),
    ("getattr", "hasattr"),
    ("deque", "list"),
    ("heappush", "heappop"),
    ("bin", "hex", "oct"),
)
_METHODS: tuple[tuple[str, ...], ...] = (
    ("append", "extend", "insert", "appendleft"),
    ("add", "update", "discard", "remove"),
    ("append", "add"),
    ("pop", "popleft", "popitem"),
    ("remove", "discard", "pop"),
    ("lower", "upper", "casefold", "title", "capitalize"),
    ("title", "capitalize", "upper"),
    ("startswith", "endswith"),
    ("strip", "lstrip", "rstrip"),
    ("removeprefix", "removesuffix", "lstrip", "rstrip"),
    ("find", "index", "rfind", "rindex"),
    ("split", "rsplit", "splitlines", "partition"),
    ("partition", "rpartition"),
    ("keys", "values", "items"),
    ("get", "pop", "setdefault"),
    ("ljust", "rjust", "center", "zfill"),
    ("isdigit", "isnumeric", "isalnum", "isalpha", "isdecimal"),
    ("isupper", "islower"),
    ("union", "intersection", "difference", "symmetric_difference"),
    ("issubset", "issuperset", "isdisjoint"),
    ("sort", "reverse"),
    ("copy", "deepcopy"),
    ("read", "readline", "readlines"),
    ("seconds", "total_seconds"),
    ("match", "search", "fullmatch"),
    ("findall", "finditer"),
    ("floor", "ceil"),
    ("heappush", "heappop", "heapify"),
    ("replace", "strip"),
    ("count", "index", "find"),
    ("encode", "decode"),
    ("join", "replace"),
    ("appendleft", "append"),
)


def _partners(table: tuple[tuple[str, ...], ...]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for group in table:
        for name in group:
            near = [other for other in group if other != name]
            for rank, other in enumerate(near):
                mine = found.setdefault(name, {})
                mine[other] = max(mine.get(other, 0.0), 0.75**rank)
    return found


_FUNCTION_PARTNERS, _METHOD_PARTNERS = _partners(_FUNCTIONS), _partners(_METHODS)


def swap_callee(site: Site) -> Iterator[Raw]:
    """`any(...)` -> `all(...)`, `x.append(...)` -> `x.extend(...)`: the same arguments, a sister function."""
    node = site.node
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Name):
        start, end = site.text.start(node.func), site.text.end(node.func)
        for name, factor in _named(site, node.func.id).items():
            imports = ("from math import " + name,) if name in ("ceil", "floor") else ()
            yield Raw("swap-callee", factor, (Splice(start, end, name.encode()),), imports)
    elif isinstance(node.func, ast.Attribute):
        end = site.text.end(node.func)
        start = end - len(node.func.attr.encode())
        for name, factor in _methods(site, node.func).items():
            yield Raw("swap-callee", factor, (Splice(start, end, name.encode()),))


def _named(site: Site, name: str) -> dict[str, float]:
    found = dict(_FUNCTION_PARTNERS.get(name, {}))
    functions = site.scope.module.functions
    own = site.scope.text.function.name
    for other, parameters in functions.items():
        if name not in BUILTINS and other != name and parameters == functions.get(name, parameters):
            found[other] = 0.3 + 0.6 * alike(name, other) - (0.2 if other == own else 0.0)
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:5])


def _methods(site: Site, node: ast.Attribute) -> dict[str, float]:
    found = dict(_METHOD_PARTNERS.get(node.attr, {}))
    if isinstance(node.value, ast.Name) and node.value.id == site.scope.self_name and site.scope.owner:
        for other in sorted(site.scope.module.methods.get(site.scope.owner, frozenset())):
            if other != node.attr and not other.startswith("__"):
                found[other] = 0.3 + 0.6 * alike(node.attr, other)
    for other in site.scope.attributes.get(ast.unparse(node.value), {}):
        if other != node.attr:
            found.setdefault(other, 0.15)
    return dict(sorted(found.items(), key=lambda pair: -pair[1])[:6])


def unwrap_call(site: Site) -> Iterator[Raw]:
    """`f(x)` -> `x`; `x.strip()` -> `x`; `x.f().g()` -> `x.g()`."""
    node = site.node
    if not isinstance(node, ast.Call) or isinstance(site.parent, ast.Expr):
        return
    if isinstance(node.func, ast.Attribute) and not _is_owner(site, node.func.value):
        yield site.become("unwrap-call", node.func.value, 0.8)
    for rank, argument in enumerate(node.args[:3]):
        if not isinstance(argument, ast.Starred | ast.GeneratorExp | ast.Constant):
            yield site.become("unwrap-call", argument, 0.8 * 0.7**rank)


def _is_owner(site: Site, node: ast.expr) -> bool:
    """Whether a name stands for a module or the method's object, which is no value of its own."""
    return isinstance(node, ast.Name) and (node.id == "self" or node.id in site.scope.module.imported)


# ----------------------------------------------------------------------------------------------- arguments


def arguments(site: Site) -> Iterator[Raw]:
    """Arguments swapped, dropped, or added: `range(n)` -> `range(1, n)`, `f(a, b)` -> `f(b, a)`, `f(a)`."""
    node = site.node
    if not isinstance(node, ast.Call) or any(isinstance(part, ast.Starred) for part in node.args):
        return
    texts = [site.source(part) for part in node.args]
    for index, (one, other) in enumerate(pairwise(node.args)):
        if tell(one) != tell(other):
            yield Raw(
                "swap-arguments",
                1.0 if index == 0 else 0.7,
                (overwrite(site, one, texts[index + 1]), overwrite(site, other, texts[index])),
            )
    every: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
    if len(every) > 1 or (every and isinstance(node.func, ast.Attribute)):
        for index, part in enumerate(every):
            if not isinstance(part, ast.GeneratorExp):
                yield Raw(
                    "drop-argument", 0.8 if index == len(every) - 1 else 0.5, (drop_item(site, every, index),)
                )
    yield from _added(site, node, texts)
    yield from _known_arguments(site, node, texts)


_ADDED: dict[str, tuple[tuple[str, float], ...]] = {
    "range": (("1, {0}", 1.0), ("{0}, -1, -1", 0.2), ("2, {0}", 0.2), ("0, {0}, 2", 0.15)),
    "round": (("{0}, 2", 1.0), ("{0}, 1", 0.2)),
    "enumerate": (("{0}, 1", 0.8), ("{0}, start=1", 0.8)),
    "sorted": (("{0}, reverse=True", 1.0), ("set({0})", 0.3)),
    "max": (("{0}, default=0", 0.7), ("{0}, default=None", 0.5), ("{0}, key=len", 0.3)),
    "min": (("{0}, default=0", 0.7), ("{0}, default=None", 0.5), ("{0}, key=len", 0.3)),
    "next": (("{0}, None", 1.0),),
    "int": (("{0}, 2", 0.2), ("{0}, 16", 0.2)),
    "isinstance": (),
    "zip": (("{0}, strict=True", 0.1),),
}
_ADDED_METHODS: dict[str, tuple[tuple[str, float], ...]] = {
    "split": (("{0}, 1", 1.0), ("", 0.3)),
    "rsplit": (("{0}, 1", 1.0),),
    "sort": (("reverse=True", 1.0), ("key=len", 0.2)),
    "get": (
        ("{0}, 0", 1.0),
        ("{0}, []", 0.6),
        ("{0}, ''", 0.5),
        ("{0}, {0}", 0.3),
        ("{0}, None", 0.1),
        ("{0}, {{}}", 0.4),
    ),
    "pop": (("0", 0.9), ("-1", 0.2), ("{0}, None", 0.8)),
    "strip": (("' '", 0.2), ("'\\n'", 0.2)),
    "replace": (("{0}, 1", 0.2),),
    "count": (),
    "splitlines": (("True", 0.3),),
}


def _added(site: Site, node: ast.Call, texts: list[str]) -> Iterator[Raw]:
    """Arguments that well-known functions take and that are often forgotten."""
    if node.keywords:
        return
    if isinstance(node.func, ast.Name):
        patterns = _ADDED.get(node.func.id, ())
    elif isinstance(node.func, ast.Attribute):
        patterns = _ADDED_METHODS.get(node.func.attr, ())
    else:
        return
    for pattern, factor in patterns:
        wanted = pattern.count("{0}") and 1
        if len(texts) == (1 if wanted else 0) or (not texts and not wanted):
            yield _recalled(site, node, pattern.format(*texts), factor)
    if isinstance(node.func, ast.Name) and node.func.id == "range":
        if len(texts) == 2:
            for new, factor in (
                (f"{texts[0]}, {texts[1]}, 2", 0.15),
                (f"{texts[1]}, {texts[0]}, -1", 0.5),
                (f"0, {texts[1]}", 0.3),
                (f"{texts[0]}, {texts[1]}, -1", 0.5),
            ):
                yield _recalled(site, node, new, factor)
        else:
            for name in site.names()[:6]:
                if len(texts) == 1 and site.scope.kind(ast.Name(name)) == "int" and name != texts[0]:
                    yield _recalled(site, node, f"{name}, {texts[0]}", 0.4)
                    yield _recalled(site, node, f"{name} + 1, {texts[0]}", 0.4)


def _recalled(site: Site, node: ast.Call, new: str, factor: float) -> Raw:
    """The call with other arguments."""
    text = site.text
    opening = text.data.index(b"(", text.end(node.func))
    return Raw("add-argument", factor, (Splice(opening + 1, text.end(node) - 1, new.encode()),))


def _known_arguments(site: Site, node: ast.Call, texts: list[str]) -> Iterator[Raw]:
    """A further argument for a function of the module (or this one) that takes more than it is given."""
    if not isinstance(node.func, ast.Name) or node.keywords:
        return
    own = site.scope.text.function
    wanted = len(own.args.args) if node.func.id == own.name else site.scope.module.functions.get(node.func.id, 0)
    if wanted > len(texts):
        for rank, name in enumerate([n for n in site.names() if n not in texts][:6]):
            yield _recalled(site, node, ", ".join([*texts, name]), 0.8 * 0.8**rank)


# ------------------------------------------------------------------------------------------- missing calls


def wrap_call(site: Site) -> Iterator[Raw]:
    """`e` -> `f(e)`: the conversions and clean-ups that are forgotten most, by the kind of `e`."""
    node = site.node
    if isinstance(node, ast.Constant | ast.Starred | ast.JoinedStr | ast.Lambda | ast.Compare | ast.BoolOp):
        return
    if is_target(node):
        return
    if site.field == "func" or (
        isinstance(site.parent, ast.Expr | ast.Attribute) and not isinstance(site.parent, ast.Expr)
    ):
        return
    if isinstance(node, ast.Name) and node.id in BUILTINS | {"self", "cls"}:
        return
    kind = site.scope.kind(node)
    for name, factor in _wrappers(site, kind):
        yield site.around("wrap-call", f"{name}(", ")", factor)
    suffix = "" if level(node) == ATOM else ")"
    prefix = "(" if suffix else ""
    for name, factor in _suffixes(site, kind):
        yield site.around("add-call", prefix, f"{suffix}.{name}", factor)


_WRAPPERS: dict[str, tuple[tuple[str, float], ...]] = {
    "int": (("str", 0.4), ("abs", 0.4), ("float", 0.1)),
    "float": (("int", 0.5), ("round", 0.5), ("abs", 0.4), ("str", 0.1)),
    "number": (("abs", 0.5), ("int", 0.4), ("str", 0.2), ("round", 0.3)),
    "str": (("int", 0.4), ("len", 0.4), ("float", 0.2), ("list", 0.15), ("set", 0.1)),
    "list": (
        ("len", 0.5),
        ("sorted", 0.5),
        ("list", 0.5),
        ("tuple", 0.3),
        ("set", 0.35),
        ("reversed", 0.3),
        ("sum", 0.2),
    ),
    "set": (("sorted", 0.6), ("list", 0.4), ("len", 0.4), ("set", 0.3)),
    "dict": (("dict", 0.5), ("list", 0.4), ("sorted", 0.4), ("len", 0.4)),
    "tuple": (("list", 0.4), ("sorted", 0.4), ("len", 0.3)),
    "generator": (("list", 0.5), ("sum", 0.3)),
    "range": (("list", 0.5), ("reversed", 0.6)),
    "deque": (("list", 0.5), ("len", 0.4)),
    "bool": (("int", 0.1),),
    "": (
        ("str", 0.3),
        ("int", 0.3),
        ("list", 0.3),
        ("len", 0.25),
        ("abs", 0.1),
        ("sorted", 0.25),
        ("set", 0.15),
        ("tuple", 0.15),
    ),
}


def _wrappers(site: Site, kind: str) -> Iterator[tuple[str, float]]:
    deep = 0.8**site.depth
    iterated = isinstance(site.parent, ast.For | ast.comprehension)
    for name, factor in _WRAPPERS.get(kind, ()):
        if iterated and name in ("str", "int", "abs", "sum", "float", "round"):
            continue
        if name == "reversed" and (iterated or isinstance(site.parent, ast.Call)):
            factor = 0.7
        if name in ("int", "float", "str") and isinstance(site.parent, ast.BinOp | ast.Compare):
            factor *= 1.5
        if name == "abs" and isinstance(site.node, ast.BinOp) and isinstance(site.node.op, ast.Sub):
            factor = 1.2
        if (
            isinstance(site.parent, ast.Call)
            and isinstance(site.parent.func, ast.Name)
            and site.parent.func.id == name
        ):
            continue
        yield name, factor * deep


def _suffixes(site: Site, kind: str) -> Iterator[tuple[str, float]]:
    node = site.node
    deep = 0.8**site.depth
    if kind in ("str", "") and isinstance(node, ast.Name | ast.Subscript | ast.Call | ast.Attribute):
        known = kind == "str"
        yield "strip()", (0.8 if known else 0.3) * deep
        yield "lower()", (0.7 if known else 0.25) * deep
        if known:
            yield "upper()", 0.15 * deep
            yield "split()", 0.25 * deep
    if kind in ("list", "dict", "set", "") and isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        yield "copy()", (0.5 if kind else 0.2) * deep
    if kind in ("dict", "") and isinstance(site.parent, ast.For | ast.comprehension):
        yield "items()", 0.6
        yield "values()", 0.5
        yield "keys()", 0.1


def awaits(site: Site) -> Iterator[Raw]:
    """`f()` <-> `await f()` in an async function; `yield x` <-> `yield from x`."""
    node = site.node
    if isinstance(node, ast.Call) and isinstance(site.place.function, ast.AsyncFunctionDef):
        if not isinstance(site.parent, ast.Await) and not site.bound:
            yield site.around("missing-await", "await ", "", 1.0, AWAIT)
    elif isinstance(node, ast.Await):
        yield site.become("drop-await", node.value, 1.0)
    elif (
        isinstance(node, ast.Yield) and node.value is not None and isinstance(site.place.function, ast.FunctionDef)
    ):
        start = site.text.start(node)
        yield Raw("swap-yield", 1.0, (Splice(start, start + 5, b"yield from"),))
    elif isinstance(node, ast.YieldFrom):
        start = site.text.start(node)
        end = site.text.start(node.value)
        yield Raw("swap-yield", 1.0, (Splice(start, end, b"yield "),))

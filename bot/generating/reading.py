"""What the text of a function says about its parameters: constants, keys, and how an argument is used."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

Def = ast.FunctionDef | ast.AsyncFunctionDef
# fmt: off
TEXT_METHODS = frozenset({
    "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "lower", "upper", "title", "capitalize",
    "casefold", "swapcase", "startswith", "endswith", "partition", "rpartition", "encode", "isdigit", "isalpha",
    "isalnum", "isspace", "isupper", "islower", "zfill", "ljust", "rjust", "center", "expandtabs", "format",
    "removeprefix", "removesuffix", "replace", "isnumeric", "isidentifier", "translate",
})
MAP_METHODS = frozenset({"items", "keys", "values", "get", "setdefault"})
LIST_METHODS = frozenset({"append", "extend", "sort", "insert", "reverse"})
SET_METHODS = frozenset({"add", "union", "intersection", "difference", "issubset", "issuperset", "discard"})
ITERATING = frozenset({
    "sum", "sorted", "list", "tuple", "set", "enumerate", "zip", "map", "filter", "any", "all", "iter", "max",
    "min", "reversed",
})
COUNTING = frozenset({"range", "chr"})
MEASURING = frozenset({"round", "abs", "float", "divmod"})
READING = frozenset({"int", "ord"})
MATCHING = frozenset({
    "match", "search", "fullmatch", "findall", "finditer", "split", "sub", "subn", "loads", "strptime",
    "fromisoformat",
})
"""Methods of patterns and readers that take a text."""
NAMES = {
    "text": frozenset({"text", "string", "str", "name", "line", "word", "key", "title", "label", "message", "s"}),
    "list": frozenset({"items", "values", "rows", "list", "lst", "seq", "iterable", "numbers", "elements", "xs"}),
    "int": frozenset({"n", "num", "count", "size", "index", "idx", "limit", "length", "width", "k"}),
    "map": frozenset({"mapping", "dict", "dct"}),
}
"""What a parameter's name says of it, where nothing else does."""
# fmt: on
LONG = 1000
"""A length that is still made, because the function asks for it."""
MOST = 40
"""Constants of each kind that are kept."""


@dataclass
class Read:
    """What was read off."""

    numbers: list[int | float] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    """Texts with which something is subscripted or looked up."""
    optional: set[str] = field(default_factory=set)
    """Of them: those that may be missing, as `.get("k")` and `"k" in` say."""
    guarded: set[str] = field(default_factory=set)
    """Parameters of which the function asks whether they are empty: `if not x`, `len(x)`, `x or y`."""
    lengths: dict[str, list[int]] = field(default_factory=dict)
    """Parameter -> numbers with which the function compares its length."""
    used: dict[str, str] = field(default_factory=dict)
    """Parameter -> what its use makes of it: `text`, `list`, `map`, `set`, `int`, `number`."""


def read(sources: Iterable[str], names: Iterable[str]) -> Read:
    """What the texts of versions of a function say of the parameters `names`."""
    found = Read()
    wanted = frozenset(names)
    for source in sources:
        tree = tree_of(source)
        if tree is None:
            continue
        for node in ast.walk(tree):
            _constants(node, found)
            _length(node, found)
            found.guarded.update(_asked(node))
            for name, kind in _uses(node):
                if name in wanted:
                    found.used[name] = _stronger(found.used.get(name, ""), kind)
    for name in wanted - set(found.used):
        last = name.lower().strip("_").rpartition("_")[2]
        kind = next((kind for kind, names in NAMES.items() if last in names), "")
        if kind:
            found.used[name] = kind
    found.numbers = list(dict.fromkeys(found.numbers))[:MOST]
    found.texts = list(dict.fromkeys(found.texts))[:MOST]
    found.keys = list(dict.fromkeys(found.keys))[:MOST]
    return found


def tree_of(source: str) -> ast.Module | None:
    """The tree of a function's text, wherever it stood; None where it does not parse."""
    try:
        return ast.parse(textwrap.dedent(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _constants(node: ast.AST, found: Read) -> None:
    match node:
        case ast.Expr(value=ast.Constant()):  # a docstring is no value
            return
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            found.numbers.append(-number)
        case ast.Constant(value=bool()):
            return
        case ast.Constant(value=int() | float() as number) if abs(number) < 10**9:
            found.numbers.append(number)
        case ast.Compare() | ast.Call() | ast.MatchValue() | ast.Assign() | ast.Return() | ast.Tuple() | ast.Set():
            for inner in ast.iter_child_nodes(node):
                _text(inner, found)
    match node:
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            found.keys.append(key)
        case ast.Call(
            func=ast.Attribute(attr="get" | "pop" | "setdefault"), args=[ast.Constant(value=str(key)), *_]
        ):
            found.keys.append(key)
            found.optional.add(key)
        case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In() | ast.NotIn()]):
            found.optional.add(key)


def _length(node: ast.AST, found: Read) -> None:
    match node:
        case ast.Compare(
            left=ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)]),
            comparators=[ast.Constant(value=int() as number)],
        ) if 0 <= number <= LONG:
            found.lengths.setdefault(name, []).append(number)


def _asked(node: ast.AST) -> Iterator[str]:
    """Names of which a node asks whether they hold anything."""
    match node:
        case (
            ast.If(test=ast.Name(id=name)) | ast.IfExp(test=ast.Name(id=name)) | ast.While(test=ast.Name(id=name))
        ):
            yield name
        case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=name)):
            yield name
        case ast.BoolOp(values=values):
            yield from (value.id for value in values if isinstance(value, ast.Name))
        case ast.Compare(left=ast.Name(id=name), comparators=[ast.Constant(value="") | ast.List(elts=[])]):
            yield name
        case ast.Call(func=ast.Name(id="len" | "bool"), args=[ast.Name(id=name)]):
            yield name


def _text(node: ast.AST, found: Read) -> None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) <= 60:
        found.texts.append(node.value)


def _uses(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(name, kind) for what a node does with names."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=args):
            yield from _of_method(owner, method, args)
        case ast.Call(func=ast.Name(id=called), args=args):
            kinds = ((ITERATING | {"len"}, "list"), (COUNTING, "int"), (MEASURING, "number"), (READING, "text"))
            kind = next((kind for names, kind in kinds if called in names), "")
            yield from ((arg.id, kind) for arg in args if isinstance(arg, ast.Name) and kind)
        case ast.For(iter=ast.Name(id=name)) | ast.comprehension(iter=ast.Name(id=name)):
            yield name, "list"
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str())):
            yield name, "map"
        case ast.Subscript(value=ast.Name(id=name), slice=index):
            yield name, "list"
            if isinstance(index, ast.Name):
                yield index.id, "int"
        case ast.BinOp(left=left, op=op, right=right):
            yield from _of_operation(left, op, right)
        case ast.Compare(left=ast.Name(id=name), comparators=[ast.Constant(value=constant)]):
            yield from ((name, kind) for kind in _kind_of(constant))


def _of_method(owner: ast.expr, method: str, args: list[ast.expr]) -> Iterator[tuple[str, str]]:
    if isinstance(owner, ast.Name):
        kinds = ((TEXT_METHODS, "text"), (MAP_METHODS, "map"), (LIST_METHODS, "list"), (SET_METHODS, "set"))
        yield from ((owner.id, kind) for methods, kind in kinds if method in methods)
    taken = "texts" if method == "join" else "text" if method in MATCHING else ""
    yield from ((arg.id, taken) for arg in args if isinstance(arg, ast.Name) and taken)


def _of_operation(left: ast.expr, op: ast.operator, right: ast.expr) -> Iterator[tuple[str, str]]:
    bits = isinstance(op, ast.FloorDiv | ast.Mod | ast.LShift | ast.RShift | ast.BitAnd | ast.BitOr | ast.BitXor)
    plus = isinstance(op, ast.Add | ast.Mult)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, ast.Name):
            if plus and isinstance(other, ast.Constant) and isinstance(other.value, str):
                yield one.id, "text"
            elif bits and not isinstance(other, ast.Constant | ast.Tuple):
                yield one.id, "int"
            elif not plus or (isinstance(other, ast.Constant) and not isinstance(other.value, str)):
                yield one.id, "int" if bits else "number"


def _kind_of(constant: object) -> Iterator[str]:
    if isinstance(constant, bool) or constant is None:
        return
    if isinstance(constant, int | float):
        yield "number" if isinstance(constant, float) else "int"
    elif isinstance(constant, str):
        yield "text"


RANK = ("", "number", "int", "list", "texts", "set", "map", "text")
"""What says more of a value comes later: a text can be iterated too, and a number can be counted with."""


def _stronger(one: str, other: str) -> str:
    return max(one, other, key=RANK.index)

"""Hypothesis strategies for arguments: from annotations, from values that were seen, from how they are used."""

from __future__ import annotations

import ast
import datetime
import decimal
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from bot.generating.reading import Read
from bot.generating.writing import Written

Strategy = st.SearchStrategy[Any]
LETTERS = "ab cAB01-_.,:/é"
FEW = 4
"""Elements of a collection that nobody has seen."""
DEEPEST = 5
NUMBERS = (0, 1, -1, 2, 10, 100)
TEXTS = ("", "a", " ", "a b", "aa", "A", "0", "é", "a,b", "ß\u4e2d")
CALLABLE = Written("lambda *args, **named: args[0] if args else None")


def texts(read: Read) -> Strategy:
    """Any text, and those that the function itself names."""
    made = st.text(alphabet=LETTERS, max_size=8)
    return st.one_of(st.sampled_from(read.texts), made) if read.texts else made


def whole(read: Read) -> Strategy:
    """Small whole numbers, and the neighbours of those that the function names."""
    near = [int(n) + d for n in read.numbers if n == int(n) for d in (-1, 0, 1)]
    made = st.integers(-20, 120)
    return st.one_of(st.sampled_from(list(dict.fromkeys(near))), made) if near else made


def real(read: Read) -> Strategy:
    """Numbers of moderate size, rounded: what a reader can bear."""
    near = [float(n) + d for n in read.numbers for d in (-0.5, 0.0, 0.5)]
    made = st.floats(-1000, 1000, allow_nan=False).map(lambda value: round(value, 3) + 0.0)
    return st.one_of(st.sampled_from(list(dict.fromkeys(near))), made) if near else made


def number(read: Read) -> Strategy:
    """Whole and other numbers."""
    return st.one_of(whole(read), real(read))


DAY = datetime.date(2024, 2, 28)
MOMENT = datetime.datetime(2024, 2, 28, 23, 59)
SIMPLE: dict[str, Callable[[Read], Strategy]] = {
    "int": whole,
    "float": real,
    "complex": lambda _: st.sampled_from([0j, 1j, 1 + 2j]),
    "bool": lambda _: st.booleans(),
    "str": texts,
    "bytes": lambda _: st.binary(max_size=6),
    "bytearray": lambda _: st.binary(max_size=6).map(bytearray),
    "None": lambda _: st.none(),
    "Hashable": texts,
    "AnyStr": texts,
    "Number": number,
    "Real": number,
    "Decimal": lambda _: st.integers(-10_000, 10_000).map(lambda n: decimal.Decimal(n) / 100),
    "Path": lambda _: st.sampled_from([pathlib.PurePosixPath(text) for text in ("a", "a/b.txt", ".", "missing")]),
    "PurePath": lambda _: st.sampled_from([pathlib.PurePosixPath(text) for text in ("a", "a/b.txt", ".")]),
    "date": lambda _: st.integers(-800, 800).map(lambda n: DAY + datetime.timedelta(days=n)),
    "datetime": lambda _: st.integers(-900_000, 900_000).map(lambda n: MOMENT + datetime.timedelta(minutes=n)),
    "time": lambda _: st.integers(0, 1439).map(lambda n: datetime.time(n // 60, n % 60)),
    "timedelta": lambda _: st.integers(-5000, 5000).map(lambda n: datetime.timedelta(minutes=n)),
    "Callable": lambda _: st.just(CALLABLE),
}
LISTS = frozenset({"list", "List", "Sequence", "Iterable", "Collection", "MutableSequence", "Reversible"})
SETS = frozenset({"set", "Set", "AbstractSet", "MutableSet"})
MAPS = frozenset({"dict", "Dict", "Mapping", "MutableMapping"})


def anything(read: Read) -> Strategy:
    """What stands for any value: the everyday ones."""
    return st.one_of(whole(read), texts(read), st.none(), st.booleans())


SIMPLE |= {"object": anything, "Any": anything}


def annotated(annotation: str, read: Read) -> Strategy | None:
    """A strategy for what an annotation names; None for a name that only the repository knows."""
    try:
        node = ast.parse(annotation.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return _annotated(node, read, DEEPEST)


def _annotated(node: ast.expr, read: Read, depth: int) -> Strategy | None:
    if depth <= 0:
        return None
    match node:
        case ast.Constant(value=None):
            return st.none()
        case ast.Constant(value=str(text)):
            return annotated(text, read) if text != ast.unparse(node) else None
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _bare(name, read)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _either([_annotated(left, read, depth - 1), _annotated(right, read, depth - 1)])
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            return _subscripted(
                name, list(inner.elts) if isinstance(inner, ast.Tuple) else [inner], read, depth - 1
            )
    return None


def _bare(name: str, read: Read) -> Strategy | None:
    if name in SIMPLE:
        return SIMPLE[name](read)
    plain = anything(read)
    if name in LISTS:
        return st.lists(plain, max_size=FEW)
    if name in {"tuple", "Tuple"}:
        return st.lists(plain, max_size=FEW).map(tuple)
    if name in SETS:
        return st.sets(st.one_of(whole(read), texts(read)), max_size=FEW)
    if name in {"frozenset", "FrozenSet"}:
        return st.frozensets(st.one_of(whole(read), texts(read)), max_size=FEW)
    return st.dictionaries(keys(read), plain, max_size=FEW) if name in MAPS else None


def _subscripted(name: str, inner: list[ast.expr], read: Read, depth: int) -> Strategy | None:
    if name == "Literal":
        values = [item.value for item in inner if isinstance(item, ast.Constant)]
        return st.sampled_from(values) if values else None
    if name == "Callable":
        return st.just(CALLABLE)
    if name in {"Annotated", "Final", "ClassVar", "Required", "NotRequired", "ReadOnly"}:
        return _annotated(inner[0], read, depth)
    if (
        name in {"tuple", "Tuple"}
        and len(inner) == 2
        and isinstance(inner[1], ast.Constant)
        and inner[1].value is ...
    ):
        each = _annotated(inner[0], read, depth)
        return st.lists(each, max_size=FEW).map(tuple) if each is not None else None
    parts = [_annotated(item, read, depth) for item in inner]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) and name not in {"Optional", "Union"}:
        return None
    if name == "Optional":
        return _either([*parts, st.none()])
    if name == "Union":
        return _either(parts)
    if name in {"tuple", "Tuple"}:
        return st.tuples(*known)
    if name in LISTS:
        return st.lists(known[0], max_size=FEW)
    if name in {"Iterator", "Generator"}:
        return None  # an iterator is used up by the first call
    if name in SETS | {"frozenset", "FrozenSet"}:
        made: Strategy = st.sets(known[0], max_size=FEW)
        return made.map(frozenset) if name in {"frozenset", "FrozenSet"} else made
    return st.dictionaries(known[0], known[1], max_size=FEW) if name in MAPS and len(known) == 2 else None


def _either(parts: Iterable[Strategy | None]) -> Strategy | None:
    known = [part for part in parts if part is not None]
    return st.one_of(*known) if known else None


def keys(read: Read) -> Strategy:
    """Keys that the function reads, and others."""
    return st.one_of(st.sampled_from(read.keys), texts(read)) if read.keys else texts(read)


def used_as(kind: str, read: Read) -> Strategy | None:
    """A strategy for a parameter that is used as a `kind` of `Read.used`."""
    made: dict[str, Callable[[], Strategy]] = {
        "text": lambda: texts(read),
        "texts": lambda: st.lists(texts(read), max_size=FEW),
        "int": lambda: whole(read),
        "number": lambda: number(read),
        "list": lambda: st.lists(whole(read), max_size=FEW),
        "set": lambda: st.sets(whole(read), max_size=FEW),
        "map": lambda: st.dictionaries(keys(read), whole(read), max_size=FEW),
    }
    return made[kind]() if kind in made else None


# ------------------------------------------------------------------------------------------- around what was seen


def around(values: Sequence[object], read: Read, depth: int = DEEPEST) -> Strategy:
    """Values like these: their types, ranges two wider, lengths one more and one less, their letters.

    What is no literal is used as it was seen, and nothing like it is made up.
    """
    groups: dict[type, list[Any]] = {}
    for value in values:
        groups.setdefault(type(value), []).append(value)
    return st.one_of(*(_around(kind, group, read, depth) for kind, group in groups.items()))


def _around(kind: type, values: list[Any], read: Read, depth: int) -> Strategy:
    if depth <= 0:
        return st.sampled_from(values)
    if kind is bool:
        return st.booleans()
    if kind is int:
        near = [int(n) + d for n in read.numbers if n == int(n) for d in (-1, 0, 1)]
        seen = st.one_of(st.sampled_from(values), st.integers(min(values) - 2, max(values) + 2))
        return st.one_of(seen, st.sampled_from(near)) if near else seen
    if kind is float:
        return _around_floats(values)
    if kind is str:
        longest, shortest = max(map(len, values)) + 1, max(0, min(map(len, values)) - 1)
        letters = "".join(sorted({*"".join(values), " ", "a"}))
        made = st.text(alphabet=letters, min_size=min(shortest, 30), max_size=min(longest, 40))
        return st.one_of(st.sampled_from(values), made)
    if kind is bytes:
        return st.one_of(st.sampled_from(values), st.binary(max_size=min(max(map(len, values)) + 1, 40)))
    if kind in (list, set, frozenset, tuple):
        return _around_collections(kind, values, read, depth)
    if kind is dict:
        return _around_dicts(values, read, depth)
    return st.sampled_from(values)


def _around_floats(values: list[float]) -> Strategy:
    finite = [value for value in values if abs(value) < 1e300]
    if not finite:
        return st.sampled_from(values)
    made = st.floats(min(finite) - 2, max(finite) + 2, allow_nan=False)
    return st.one_of(st.sampled_from(values), made.map(lambda value: round(value, 3) + 0.0))


def _around_collections(kind: type, values: list[Any], read: Read, depth: int) -> Strategy:
    lengths = {len(value) for value in values}
    items = [item for value in values for item in (sorted(value, key=repr) if kind is not list else value)]
    if kind is tuple:
        if len(lengths) == 1 and 0 < max(lengths) <= 6:  # a record: its places are not alike
            return st.tuples(*(around(place, read, depth - 1) for place in zip(*values, strict=True)))
        items = [item for value in values for item in value]
    if not items:
        return st.sampled_from(values)
    made = around(items, read, depth - 1)
    shortest, longest = min(max(0, min(lengths) - 1), 8), min(max(lengths) + 1, 12)
    if kind in (set, frozenset):
        hashable = st.lists(made, max_size=longest).map(_hashed)
        return hashable if kind is set else hashable.map(frozenset)
    like = st.lists(made, min_size=shortest, max_size=longest)
    return like.map(tuple) if kind is tuple else like


def _hashed(items: list[Any]) -> set[Any]:
    try:
        return set(items)
    except TypeError:
        return set()


def _around_dicts(values: list[dict[Any, Any]], read: Read, depth: int) -> Strategy:
    everywhere = set.intersection(*(set(value) for value in values))
    anywhere = list(dict.fromkeys(key for value in values for key in value))
    if not anywhere:
        return st.sampled_from(values)
    per_key = {key: around([v[key] for v in values if key in v], read, depth - 1) for key in anywhere}
    if everywhere and all(isinstance(key, str) for key in anywhere):  # a record
        always = {key: per_key[key] for key in anywhere if key in everywhere and key not in read.optional}
        optional = {key: made for key, made in per_key.items() if key not in always}
        return st.fixed_dictionaries(always, optional=optional)
    each = around([v for value in values for v in value.values()], read, depth - 1)
    return st.dictionaries(around(anywhere, read, depth - 1), each, max_size=min(max(map(len, values)) + 1, 8))

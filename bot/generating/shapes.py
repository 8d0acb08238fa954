"""Whether an input has the shape of those that callers really give: what decides if it may carry a finding.

Code has preconditions that nobody writes down. An input that was made up may be one that no caller ever gives, and
what goes wrong with it is no defect. So it counts only where it looks, in every part, like what tests were seen to
give: the types, the keys, the letters that stand between the parts of a text, no negative number among positive
ones, an object only as it was. Empty collections count at the outermost level: they are what callers forget, not
what they cannot have. Where no call was seen, what the signature says stands in their place.
"""

from __future__ import annotations

import ast
import datetime
import decimal
import math
import pathlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.generating.reading import Read
from bot.generating.strategies import LISTS, MAPS, SETS
from bot.generating.writing import Written, elements, value_of
from bot.languages import Parameter

RECORD = 6
"""A tuple up to this length whose length never differs is a record: its places are not alike."""
DEEPEST = 6


@dataclass(frozen=True)
class Shape:
    """What was seen of a function's arguments, or what its signature says."""

    parameters: tuple[Parameter, ...]
    seen: tuple[tuple[object, ...], ...]
    """For each parameter the values of recorded calls; all empty where none was recorded."""
    read: Read = field(default_factory=Read)

    @staticmethod
    def of(parameters: Sequence[Parameter], recorded: Sequence[str], read: Read) -> Shape:
        """The shape of recorded calls, given as sources of tuples; what is no tuple of the right length is not
        counted."""
        rows = [found for source in recorded if (found := elements(source)) and len(found) == len(parameters)]
        seen = tuple(tuple(value_of(row[at]) for row in rows) for at in range(len(parameters)))
        return Shape(tuple(parameters), seen, read)

    @property
    def known(self) -> bool:
        """Whether any call was seen."""
        return any(self.seen)

    def fits(self, source: str) -> bool:
        """Whether arguments, a tuple's source, have this shape."""
        nodes = elements(source)
        if nodes is None or len(nodes) != len(self.parameters):
            return False
        for parameter, seen, node in zip(self.parameters, self.seen, nodes, strict=True):
            value = value_of(node)
            if not (self._like(value, seen, parameter.name) if self.known else self._as_said(value, parameter)):
                return False
        return True

    def strange(self, source: str) -> bool:
        """Whether a format or a pattern among the arguments is one that nobody wrote."""
        nodes = elements(source)
        if nodes is None or len(nodes) != len(self.parameters):
            return False
        return any(
            isinstance(value := value_of(node), str) and instructive(seen) and value not in seen
            for seen, node in zip(self.seen, nodes, strict=True)
        )

    def _as_said(self, value: object, parameter: Parameter) -> bool:
        """Whether a value is what the signature says; without an annotation only the default is."""
        if parameter.default is not None and repr(value) == repr(value_of_source(parameter.default)):
            return True
        if parameter.kind in ("*", "**"):
            return value in ((), {})
        return bool(parameter.annotation) and says(parameter.annotation, value)

    def _like(self, value: object, seen: Sequence[object], name: str) -> bool:
        empty = isinstance(value, str | bytes | list | tuple | set | frozenset | dict) and not value
        if empty and any(type(one) is type(value) for one in seen):
            # A text that always has parts is not expected without them, unless the function asks for that.
            return name in self.read.guarded or not isinstance(value, str) or not needed(_texts(seen))
        return like(value, seen, self.read, DEEPEST)


def value_of_source(source: str) -> object:
    """The value of one expression's source."""
    found = elements(f"({source},)")
    return value_of(found[0]) if found else None


MOMENT = re.compile(r"(?:datetime\.)?(date|datetime|time|timedelta)\((?:(?:\w+=)?-?\d+(?:, )?)*\)")
"""A day or a time made of numbers alone: whoever takes one takes others."""


def day_or_time(text: str) -> str:
    """Which kind of day or time a source makes; empty for anything else, and for those with a zone."""
    found = MOMENT.fullmatch(text)
    return found[1] if found is not None else ""


def like(value: object, seen: Sequence[object], read: Read, depth: int) -> bool:
    """Whether a value is like one that was seen."""
    if isinstance(value, Written):
        kind = day_or_time(value.text)
        written = [one.text for one in seen if isinstance(one, Written)]
        return value.text in written or (kind != "" and any(day_or_time(text) == kind for text in written))
    same = [one for one in seen if type(one) is type(value)]
    if not same or depth <= 0:
        return False
    if value is None or isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return like_number(value, [one for one in same if isinstance(one, int | float)])
    if isinstance(value, str):
        return value in same or like_text(value, _texts(same))
    if isinstance(value, bytes):
        return value in same or (
            bool(value) and len(value) <= 2 * max(len(o) for o in same if isinstance(o, bytes))
        )
    if isinstance(value, dict):
        return like_dict(value, [one for one in same if isinstance(one, dict)], read, depth - 1)
    if isinstance(value, list | tuple | set | frozenset):
        others = [one for one in same if isinstance(one, list | tuple | set | frozenset)]
        return like_collection(value, others, read, depth - 1)
    return False


def like_number(value: float, seen: Sequence[float]) -> bool:
    """No sign that was not seen, and nothing far beyond."""
    if value in seen:
        return True
    finite = [abs(one) for one in seen if math.isfinite(one)]
    if not finite or not math.isfinite(value) or abs(value) > 4 * max(finite) + 20:
        return False
    return value >= 0 or any(one < 0 for one in seen)


def _texts(values: Sequence[object]) -> list[str]:
    return [value for value in values if isinstance(value, str)]


def needed(seen: Sequence[str]) -> dict[str, tuple[int, int]]:
    """Marks that stand in every text that was seen -> how often, at least and at most."""
    filled = [text for text in seen if text]
    marks = set.intersection(*(set(text) for text in filled)) if filled else set()
    counts = {mark: [text.count(mark) for text in filled] for mark in marks if not mark.isalnum() and mark != " "}
    return {mark: (min(found), max(found)) for mark, found in counts.items()}


INSTRUCTIONS = re.compile(r"%[-+#0]*[\d.*]*[a-zA-Z]|\{[^{}]*\}|\\[dDwWsSbAZ\d]|[\])][*+?]|\(\?")
"""What texts hold that are in a language of their own: formats, templates, patterns."""


def instructive(seen: Sequence[object]) -> bool:
    """Whether values that were seen are written in a language of their own."""
    return any(isinstance(value, str) and INSTRUCTIONS.search(value) for value in seen)


def like_text(value: str, seen: Sequence[str]) -> bool:
    """Neither empty nor much longer, with the marks that all texts have; a number where all are numbers.

    A format or a pattern is written by a programmer: one that nobody wrote is like none.
    """
    filled = [text for text in seen if text]
    if instructive(filled):
        return False
    if not value.strip() or not filled or len(value) > 2 * max(map(len, filled)) + 10 or not value.isprintable():
        return False
    for numeric in (str.isdigit, is_number):
        if all(map(numeric, filled)) and not numeric(value):
            return False
    return all(least <= value.count(mark) <= most for mark, (least, most) in needed(filled).items())


def is_number(text: str) -> bool:
    """Whether a text reads as a number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def like_collection(
    value: list[object] | tuple[object, ...] | set[object] | frozenset[object],
    seen: Sequence[list[object] | tuple[object, ...] | set[object] | frozenset[object]],
    read: Read,
    depth: int,
) -> bool:
    """Elements like those that were seen; a record's places one by one; empty below the top only where seen."""
    lengths = {len(one) for one in seen}
    if not value:
        return 0 in lengths
    if len(value) > 2 * max(lengths) + 4:
        return False
    if isinstance(value, tuple) and len(lengths) == 1 and 0 < max(lengths) <= RECORD:
        rows = [one for one in seen if isinstance(one, tuple)]
        return len(value) in lengths and all(
            like(item, [row[at] for row in rows], read, depth) for at, item in enumerate(value)
        )
    items = [item for one in seen for item in one]
    return all(like(item, items, read, depth) for item in value)


def like_dict(value: dict[object, object], seen: Sequence[dict[object, object]], read: Read, depth: int) -> bool:
    """A record has the keys that all have, apart from those that the function itself treats as optional."""
    if not value:
        return {} in seen
    always = set.intersection(*(set(one) for one in seen))
    anywhere = {key for one in seen for key in one}
    if always and all(isinstance(key, str) for key in anywhere):
        if not set(value) <= anywhere or not always - set(value) <= read.optional:
            return False
        return all(
            like(part, [one[key] for one in seen if key in one], read, depth) for key, part in value.items()
        )
    parts = [part for one in seen for part in one.values()]
    return all(
        like(key, list(anywhere), read, depth) and like(part, parts, read, depth) for key, part in value.items()
    )


# --------------------------------------------------------------------------------------- what a signature says


def says(annotation: str, value: object, *, strict: bool = True) -> bool:
    """Whether an annotation names what a value is; what it leaves open (`Any`, a bare `list`) it does not name.

    `strict` wants everyday values: no negative number, no text of other than printable signs.
    """
    try:
        node = ast.parse(annotation.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return _says(node, value, strict, DEEPEST)


def _says(node: ast.expr, value: object, strict: bool, depth: int) -> bool:
    if depth <= 0:
        return False
    match node:
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):
            return text != ast.unparse(node) and says(text, value, strict=strict)
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _named(name, value, strict)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _says(left, value, strict, depth - 1) or _says(right, value, strict, depth - 1)
        case ast.Subscript(value=ast.Name(id=name) | ast.Attribute(attr=name), slice=inner):
            parts = list(inner.elts) if isinstance(inner, ast.Tuple) else [inner]
            return _parts(name, parts, value, strict, depth - 1)
    return False


KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "bytes": (bytes,),
    "Decimal": (decimal.Decimal,),
    "Path": (pathlib.PurePath,),
    "date": (datetime.date,),
    "datetime": (datetime.datetime,),
    "timedelta": (datetime.timedelta,),
}
STANDARD = re.compile(r"(?:[a-z]+\.)?(?:Pure|Posix)*(Decimal|Path|date|datetime|timedelta|UUID|Fraction)\(")


def _named(name: str, value: object, strict: bool) -> bool:
    if isinstance(value, Written):
        made = STANDARD.match(value.text)
        return made is not None and made[1] == name
    if name == "None":
        return value is None
    if type(value) in KINDS.get(name, ()):
        if isinstance(value, int | float) and not isinstance(value, bool) and strict:
            return 0 <= value < 10_000
        return not (strict and isinstance(value, str)) or value.isprintable()
    if isinstance(value, list | tuple) and not value:
        return (name in LISTS and isinstance(value, list)) or (name in {"tuple", "Tuple"} and value == ())
    if isinstance(value, dict) and not value:
        return name in MAPS
    return isinstance(value, set) and not value and name in SETS


def _parts(name: str, parts: list[ast.expr], value: object, strict: bool, depth: int) -> bool:
    if name == "Literal":
        return any(
            isinstance(p, ast.Constant) and p.value == value and type(p.value) is type(value) for p in parts
        )
    if name == "Annotated":
        return _says(parts[0], value, strict, depth)
    if name in {"Optional", "Union"}:
        return (value is None and name == "Optional") or any(_says(part, value, strict, depth) for part in parts)
    if isinstance(value, tuple) and name in {"tuple", "Tuple"}:
        if len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...:
            return all(_says(parts[0], item, strict, depth) for item in value)
        pairs = zip(parts, value, strict=False)
        return len(parts) == len(value) and all(_says(part, item, strict, depth) for part, item in pairs)
    if isinstance(value, dict) and name in MAPS and len(parts) == 2:
        keys = all(_says(parts[0], key, strict, depth) for key in value)
        return keys and all(_says(parts[1], item, strict, depth) for item in value.values())
    if (isinstance(value, list) and name in LISTS) or (isinstance(value, set) and name in SETS):
        return all(_says(parts[0], item, strict, depth) for item in value)
    return (
        isinstance(value, frozenset)
        and name in {"frozenset", "FrozenSet"}
        and all(_says(parts[0], item, strict, depth) for item in value)
    )

"""Patterns that take for ever: the same language without nested repetition, or a bound on what is matched."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bot.endpoints.edits.remedies import Code, Remedy, remedy

FUNCTIONS = frozenset(
    f"re.{name}"
    for name in ("compile", "match", "search", "fullmatch", "findall", "finditer", "sub", "subn", "split")
)
_METHODS = frozenset({"match", "search", "fullmatch", "findall", "finditer", "sub", "subn", "split"})
LONGEST = 1000
"""Characters that are still matched under a bound."""


def regexes(code: Code) -> Iterator[Remedy]:
    """A pattern of the function, or of the module where the function uses it, is written without the trap."""
    for call, origin in code.calls():
        if origin in FUNCTIONS and call.args:
            yield from _rewritten(code, call, call.args[0], code.resolved(call.args[0]))
            if origin != "re.compile" and len(call.args) > 1:
                yield from _bounded(
                    code, call, call.args[-1] if origin not in ("re.sub", "re.subn") else call.args[2]
                )
        elif isinstance(call.func, ast.Attribute) and call.func.attr in _METHODS:
            yield from _compiled(code, call, call.func)


def _rewritten(code: Code, call: ast.Call, target: ast.expr, known: ast.expr) -> Iterator[Remedy]:
    if not isinstance(known, ast.Constant) or not isinstance(known.value, str):
        return
    for rank, pattern in enumerate(alternatives(known.value)):
        place = known if known in code.parents else target
        yield from remedy(call, "linear-pattern", code.swap((place, _raw(pattern))), 0.9**rank)


def _compiled(code: Code, call: ast.Call, method: ast.Attribute) -> Iterator[Remedy]:
    """A pattern that was compiled before: `PATTERN.match(x)` gets one of its own."""
    maker = code.resolved(method.value)
    if isinstance(method.value, ast.Attribute):
        return
    if not (isinstance(maker, ast.Call) and ast.unparse(maker.func).endswith("compile") and maker.args):
        return
    given = code.resolved(maker.args[0])
    if call.args:
        yield from _bounded(
            code, call, call.args[1 if method.attr in ("sub", "subn") and len(call.args) > 1 else 0]
        )
    if maker in code.parents or not isinstance(given, ast.Constant) or not isinstance(given.value, str):
        return
    for rank, pattern in enumerate(alternatives(given.value)):
        rest = "".join(
            f", {ast.unparse(argument)}" for argument in (*maker.args[1:], *(k.value for k in maker.keywords))
        )
        new = f"{ast.unparse(maker.func)}({_raw(pattern)}{rest})"
        yield from remedy(call, "linear-pattern", code.swap((method.value, new)), 0.9**rank)


def _bounded(code: Code, call: ast.Call, subject: ast.expr) -> Iterator[Remedy]:
    text = code.source(subject)
    rows = [f"if len({text}) > {LONGEST}:", f'    raise ValueError("longer than {LONGEST} characters")']
    yield from remedy(call, "length-limit", [code.before(call, rows)], 0.4)


def _raw(pattern: str) -> str:
    """A pattern as source: a raw string where it can be one."""
    if "\n" not in pattern and not pattern.endswith("\\"):
        for quote in ('"', "'"):
            if quote not in pattern:
                return f"r{quote}{pattern}{quote}"
    return repr(pattern)


# ----------------------------------------------------------------------------------- reading a pattern


@dataclass(frozen=True)
class _Item:
    """One atom of a pattern with its repetition."""

    atom: str
    repeat: str
    """`+`, `*`, `?`, `{2,}`, with `?` or `+` behind it; empty where it stands once."""

    @property
    def many(self) -> bool:
        """Whether nothing bounds how often it may stand."""
        return self.repeat[:1] in ("+", "*") or (self.repeat.endswith(",}"))

    @property
    def group(self) -> tuple[str, str] | None:
        """(opening, inside) of a plain group, capturing or not."""
        if self.atom.startswith("(?:"):
            return "(?:", self.atom[3:-1]
        return ("(", self.atom[1:-1]) if self.atom.startswith("(") and not self.atom.startswith("(?") else None

    @property
    def single(self) -> bool:
        """Whether the atom is one character or one class of them."""
        return not self.atom.startswith("(") and self.atom not in ("^", "$", r"\b", r"\B", r"\A", r"\Z")


_REPEAT = re.compile(r"(?:[*+?]|\{\d*,?\d*\})[?+]?")


def alternatives(pattern: str) -> list[str]:
    """Patterns for the same texts, or nearly, without what makes a search run wild; best first."""
    found: dict[str, None] = {}
    for new in _variants(pattern):
        if new != pattern and _compiles(new):
            found[new] = None
    return list(found)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return False
    return True


def _variants(pattern: str, *, outermost: bool = True) -> Iterator[str]:
    items = _items(pattern)
    if items is None:
        yield from _branches(pattern, outermost=outermost)
        return
    for index, item in enumerate(items):
        before = "".join(i.atom + i.repeat for i in items[:index])
        after = "".join(i.atom + i.repeat for i in items[index + 1 :])
        group = item.group
        if group is not None:
            opening, inside = group
            if item.many:
                for new in _flattened(opening, inside, item.repeat):
                    yield before + new + after
                if item.repeat in ("+", "*"):
                    yield f"{before}{item.atom}{item.repeat}+{after}"  # possessive, from Python 3.11 on
            for new in _variants(inside, outermost=False):
                yield f"{before}{opening}{new}){item.repeat}{after}"
        elif item.single and item.many and index + 1 < len(items):
            follower = items[index + 1]
            if follower.atom == item.atom and follower.many:  # `a*a*`
                least = "+" if "+" in (item.repeat, follower.repeat) else "*"
                rest = "".join(i.atom + i.repeat for i in items[index + 2 :])
                yield f"{before}{item.atom}{least}{rest}"
            if index == 0 and outermost and len(item.repeat) == 1:
                yield f"(?<!{item.atom}){item.atom}{item.repeat}{after}"  # no start in the middle of a run
            if len(item.repeat) == 1:
                yield f"{before}{item.atom}{item.repeat}+{after}"


def _branches(pattern: str, *, outermost: bool) -> Iterator[str]:
    """Each branch of `a|b` by itself."""
    parts = _split(pattern)
    if len(parts) > 1:
        for index, part in enumerate(parts):
            for new in _variants(part, outermost=outermost):
                yield "|".join((*parts[:index], new, *parts[index + 1 :]))


def _flattened(opening: str, inside: str, repeat: str) -> Iterator[str]:
    """A repeated group whose inside repeats, without the second repetition."""
    branches = _split(inside)
    if len(branches) > 1:
        singles = [_items(branch) for branch in branches]
        if all(s is not None and len(s) == 1 and s[0].single for s in singles):
            atoms = dict.fromkeys(s[0].atom for s in singles if s)
            merged = _union(list(atoms))
            if merged:
                yield _group(opening, merged + repeat)
        return
    items = _items(inside)
    if not items:
        return
    first = items[0]
    if len(items) == 1 and first.single and first.many:  # `(a+)+`
        least = "+" if repeat[0] == "+" and first.repeat[0] == "+" else "*"
        yield _group(opening, first.atom + least)
    elif len(items) == 1 and first.single and first.repeat == "?":
        yield _group(opening, first.atom + "*")
    elif len(items) == 1 and first.group is not None and (first.many or not first.repeat):
        yield from _flattened(opening, first.group[1], repeat)
    elif all(item.single for item in items):
        if len(items) == 2 and first.repeat == "+" and items[1].repeat in ("?", "*"):
            # `(w+s?)*`: the same texts, each of which can be read in one way alone
            gap = items[1].atom + ("+" if items[1].repeat == "*" else "")
            exact = f"{first.atom}+(?:{gap}{first.atom}+)*{items[1].atom}{items[1].repeat}"
            yield _group(opening, exact if repeat[0] == "+" else f"(?:{exact})?")
        if len(items) == 2 and items[1].repeat == "+" and first.repeat in ("?", "*"):  # `(s?w+)*`
            gap = first.atom + ("+" if first.repeat == "*" else "")
            exact = f"{first.atom}{first.repeat}{items[1].atom}+(?:{gap}{items[1].atom}+)*"
            yield _group(opening, exact if repeat[0] == "+" else f"(?:{exact})?")
        merged = _union([item.atom for item in items])
        if merged:
            yield _group(opening, merged + repeat)


def _group(opening: str, inside: str) -> str:
    return f"({inside})" if opening == "(" else f"(?:{inside})" if len(inside) > 2 else inside


def _union(atoms: list[str]) -> str:
    """One class for several atoms; '' where there is none."""
    inner = ""
    for atom in dict.fromkeys(atoms):
        if atom == "." or atom.startswith("[^"):
            return "." if atom == "." else ""
        inner += atom[1:-1] if atom.startswith("[") else "\\" + atom if atom in "-]^" else atom
    return f"[{inner}]"


def _split(pattern: str) -> list[str]:
    """The branches of a pattern at its outermost level."""
    parts, depth, start, index = [], 0, 0, 0
    while index < len(pattern):
        size = len(_atom(pattern, index) or pattern[index]) if pattern[index] in "\\[" else 1
        char = pattern[index]
        depth += (char == "(") - (char == ")")
        if char == "|" and depth == 0:
            parts.append(pattern[start:index])
            start = index + 1
        index += size
    return [*parts, pattern[start:]]


def _items(pattern: str) -> list[_Item] | None:
    """A pattern without branches as its atoms; None where it cannot be read."""
    out: list[_Item] = []
    index = 0
    while index < len(pattern):
        atom = _atom(pattern, index)
        if atom is None or atom == "|":
            return None
        index += len(atom)
        found = _REPEAT.match(pattern, index)
        repeat = found.group() if found else ""
        index += len(repeat)
        out.append(_Item(atom, repeat))
    return out


def _atom(pattern: str, start: int) -> str | None:
    char = pattern[start]
    if char == "\\":
        return pattern[start : start + 2] if start + 1 < len(pattern) else None
    if char == "[":
        end = start + 1 + (pattern[start + 1 : start + 2] == "^")
        end += pattern[end : end + 1] == "]"
        while end < len(pattern) and pattern[end] != "]":
            end += 2 if pattern[end] == "\\" else 1
        return pattern[start : end + 1] if end < len(pattern) else None
    if char != "(":
        return char if char not in "*+?)" else None
    depth, end = 0, start
    while end < len(pattern):
        if pattern[end] in "\\[":
            end += len(_atom(pattern, end) or pattern[end])
            continue
        depth += (pattern[end] == "(") - (pattern[end] == ")")
        end += 1
        if depth == 0:
            return pattern[start:end]
    return None

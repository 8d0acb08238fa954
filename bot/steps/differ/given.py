"""What both versions of a function are called with, and base's version as it stands in head's file."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot import generating
from bot.domain import Call, ChangedFunction, Evidence, Function
from bot.languages import Language, Parameter, Unparsable
from bot.trial import Version
from bot.wire_calls import Input

MOST_RECORDED = 40
"""Recorded calls of a function that are made again."""
MOST_DERIVED = 12
"""Variants of one recorded call."""


class NotComparable(Exception):
    """Why two versions cannot be called with the same arguments, in words."""


@dataclass(frozen=True)
class Given:
    """Inputs in order: recorded ones, then made ones."""

    inputs: tuple[Input, ...]
    derive: int
    """Variants of each recorded one."""
    recorded: int
    """How many come first that were recorded."""
    digests: tuple[str, ...]
    """For each recorded one the digest of its arguments."""
    head: frozenset[str]
    """Digests of calls that head was seen to make."""
    usual: tuple[tuple[int, str], ...] = ()
    """Place and default of each parameter that base does not have: both versions get nothing else there."""

    def fair(self, source: str) -> bool:
        """Whether both versions can be asked with such arguments."""
        values = generating.arguments(source) if self.usual else ()
        return all(place < len(values) and values[place] == default for place, default in self.usual)


def given(
    function: ChangedFunction,
    evidence: Evidence,
    parameters: Sequence[Parameter],
    before: Sequence[Parameter],
    *,
    most: int,
    seed: int,
) -> Given:
    """The inputs for a function whose parameters are these at head and those before at base."""
    at_head = evidence.head.calls.get(function.id, ())
    known = frozenset(call.digest for call in at_head if call.digest)
    behind = function.base is not None and [p.name for p in parameters[: len(before)]] == [p.name for p in before]
    more = parameters[len(before) :] if behind else ()
    rows: dict[str, Input] = {}
    for call in at_head:
        if one := input_of(call):
            rows.setdefault(call.digest or one.source, one)
    for call in evidence.base.calls.get(function.id, ()) if function.base is not None else ():
        # An object as base makes it may be none that head's code can work with.
        if (call.digest in known or plain(call.needs)) and (one := input_of(call, more)):
            rows.setdefault(call.digest or one.source, one)
    chosen = dict(list(rows.items())[:MOST_RECORDED])
    derive = min(MOST_DERIVED, max(2, most // 2 // len(chosen))) if chosen and most else 0
    left = max(most // 3, most - derive * len(chosen)) if most else 0
    sources = [(one.source, one.needs) for one in chosen.values() if one.source]
    texts = [version.source for version in (function.head, function.base) if version is not None]
    fixed = [replace(p, annotation="") if p in more else p for p in parameters]
    made = generating.inputs(function.head, fixed, texts, sources, most=left, seed=seed)
    usual = tuple((len(before) + at, default_of(parameter)) for at, parameter in enumerate(more))
    return Given((*chosen.values(), *made), derive, len(chosen), tuple(chosen), known, usual)


def input_of(call: Call, more: Sequence[Parameter] = ()) -> Input | None:
    """The input that a recorded call makes, with the defaults of parameters that it did not have; None where it
    cannot be made again."""
    if more:
        if not call.source or not all(parameter.default or parameter.kind in ("*", "**") for parameter in more):
            return None
        added = [default_of(parameter) for parameter in more]
        inner = call.source.strip()[1:-1].rstrip().rstrip(",")
        parts = [part for part in (inner, *added) if part]
        return Input(source=f"({', '.join(parts)},)", needs=call.needs)
    return Input(call.pickled, call.source, call.needs) if call.pickled or call.source else None


def default_of(parameter: Parameter) -> str:
    """What a parameter holds when nothing is given."""
    return parameter.default or {"*": "()", "**": "{}"}.get(parameter.kind, "")


def plain(needs: Sequence[str]) -> bool:
    """Whether a source needs nothing but the standard library."""
    return all(
        need.startswith(("import ", "from ")) and need.split()[1].partition(".")[0] in sys.stdlib_module_names
        for need in needs
    )


def made_again(one: Input, source: str, needs: Sequence[str], origin: str) -> Input:
    """An input as a call showed it: by its source, where it has one."""
    return replace(one, pickled="" if source else one.pickled, source=source, needs=tuple(needs), origin=origin)


def relies(function: ChangedFunction, others: Sequence[ChangedFunction], base_text: str, head_text: str) -> bool:
    """Whether base's version uses what the change touched or took away as well: it then answers for itself only
    where it stands."""
    base = function.base
    if base is None:
        return False
    words = set(re.findall(r"\b[A-Za-z_]\w+\b", base.source))
    if any(defines(base_text, word) and not defines(head_text, word) for word in words - {bare(base)}):
        return True
    for other in others:
        if other.id == function.id or other.base is None:
            continue
        names = {bare(other.base), bare(other.head)}
        if any(re.search(rf"\b{re.escape(name)}\s*\(", base.source) for name in names):
            return True
        if "__init__" in names and other.head.enclosing and other.head.enclosing == function.head.enclosing:
            return True
    return False


def bare(function: Function) -> str:
    """The function's own name."""
    return function.qualname.rpartition(".")[2].partition("@")[0]


def defines(text: str, word: str) -> bool:
    """Whether a file has a name at its margin: of a function, a class, a constant."""
    return re.search(rf"^(?:(?:async )?def |class )?{word}\b *[(:=\[]", text, re.MULTILINE) is not None


# ------------------------------------------------------------------------------------------- base's version


def base_version(
    function: ChangedFunction, language: Language, base_imports: Sequence[str], head_imports: Sequence[str]
) -> Version:
    """Base's version under head's name, with head's way of being called. Raises NotComparable."""
    base, head = function.base, function.head
    if base is None:
        raise NotComparable("it is new")
    if (base.is_async, base.is_generator) != (head.is_async, head.is_generator):
        raise NotComparable("it is called in another way: one version is asynchronous or a generator")
    if base.enclosing != head.enclosing and [e.split()[0] for e in base.enclosing] != [
        e.split()[0] for e in head.enclosing
    ]:
        raise NotComparable("it stands in another scope")
    try:
        ours, theirs = language.parameters(head), language.parameters(base)
        text = language.standing(base.source, head)
    except Unparsable as problem:
        raise NotComparable(f"base's version cannot stand in its place: {problem.message}") from problem
    agree(ours, theirs)
    imports = tuple(line for line in base_imports if line not in head_imports and needed_by(line, text))
    names = [parameter.name for parameter in ours[: len(theirs)]]
    if names == [parameter.name for parameter in theirs]:
        text = with_header(head, base, text)
    return Version(text, imports)


def agree(head: Sequence[Parameter], base: Sequence[Parameter]) -> None:
    """Raises NotComparable unless what base takes is what head takes: parameters may be renamed in their places,
    and have others with defaults behind them."""
    changed = "its parameters changed"
    if len(head) < len(base) or [p.kind for p in head[: len(base)]] != [p.kind for p in base]:
        raise NotComparable(changed)
    if any(parameter.default is None and parameter.kind in ("p", "k") for parameter in head[len(base) :]):
        raise NotComparable(changed)
    pairs = [(one.name, other.name) for one, other in zip(head, base, strict=False) if one.name != other.name]
    known = {parameter.name for parameter in (*head, *base)}
    kept = {p.name for p in head} & {p.name for p in base}
    if pairs and (len(head) > len(base) or any(one in kept or other in kept for one, other in pairs)):
        raise NotComparable(changed)
    by_name = {p.name for p in (*head, *base) if p.kind == "k"} & known
    if any(one in by_name or other in by_name for one, other in pairs):
        raise NotComparable(changed)


def with_header(head: Function, base: Function, text: str) -> str:
    """Base's body below head's `def`: its decorators and defaults are none of what is compared. Where one of them
    is written on a single line, base's text as it is."""
    ours, theirs = head.source.split("\n"), text.split("\n")
    above, body = ours[: head.body_line - head.start_line], theirs[base.body_line - base.start_line :]
    own = theirs[: base.body_line - base.start_line]
    if not (ends_header(above) and ends_header(own)) or margin(own) != margin(above):
        return text
    return "\n".join([*above, *body])


def ends_header(lines: Sequence[str]) -> bool:
    """Whether lines hold a whole `def` and nothing of its body but comments."""
    code = [line.split("#")[0].rstrip() for line in lines]
    code = [line for line in code if line.strip()]
    return bool(code) and code[-1].endswith(":")


def margin(lines: Sequence[str]) -> str:
    """White space before the first of them."""
    return lines[0][: len(lines[0]) - len(lines[0].lstrip())] if lines else ""


def needed_by(statement: str, text: str) -> bool:
    """Whether an import binds a name that occurs in a text."""
    names = re.findall(r"\w+", statement.rpartition("import ")[2])
    return any(re.search(rf"\b{name}\b", text) for name in names)

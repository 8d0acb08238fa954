"""Strings that may make a regular expression backtrack: read off the pattern, never matched here.

A pattern is taken apart by the parser of the standard library. Where a repetition can match the same text in
several ways (a repetition in a repetition, two neighbours that take the same characters, a search that starts
anew at each character), a string of prefix, many times a pump, and an end that cannot match is named. Whether
it takes long is seen when it runs.
"""

from __future__ import annotations

import importlib
import string
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

PARSER: Any = importlib.import_module("re._parser")
"""The parser of `re`; without types, and private, but the only one that reads what `re` reads."""
ALPHABET = string.ascii_letters + string.digits + string.punctuation + " \t\n\u00e9"
MANY = 20
"""A repetition that may go on so often counts as one without end."""
MOST = 8
"""Strings of one pattern."""
DEEPEST = 25
KINDS = ("nested", "neighbours", "trim")
ENDS = ("\x00", "\n\x00", "")
"""What hardly a pattern goes on with; the second for those in which a dot takes everything but a line's end."""


@dataclass(frozen=True)
class Pump:
    """A string that may take long: `prefix`, then `pump` over and over, then `end`."""

    prefix: str
    pump: str
    end: str
    kind: str
    """`nested` (a repetition in a repetition: the time may double with each character), `neighbours` or `trim`."""


@dataclass(frozen=True)
class Repeat:
    """A repetition without end, where it stands."""

    prefix: str
    """Text that leads up to it."""
    body: Any
    after: Sequence[Any]
    """What follows in the same sequence."""
    anchored: bool
    """Whether the pattern can match at one place only: nothing but the start of the text."""


def pumps(pattern: str, flags: int = 0, *, search: bool = True) -> tuple[Pump, ...]:
    """Strings on which the pattern may backtrack, the worst first; none where it cannot or does not parse.

    `search`: whether it is tried at each place of a text, not at its start alone.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = PARSER.parse(pattern, flags)
        found = list(pumps_of(list(tree), search=search))
    except Exception:
        return ()
    found.sort(key=lambda pump: KINDS.index(pump.kind))
    return tuple(dict.fromkeys(found))[:MOST]


def pumps_of(tree: list[Any], *, search: bool) -> Iterator[Pump]:
    """Strings for each repetition of a parsed pattern."""
    for repeat in repeats(tree, "", search=search):
        nested = list(ambiguous(repeat.body))
        for text in nested:
            yield from (Pump(repeat.prefix, text, end, "nested") for end in ends(repeat))
        if nested:
            continue
        texts = list(neighbours(repeat))
        for text in texts[:2]:
            yield from (Pump(repeat.prefix, text, end, "neighbours") for end in ends(repeat))
        if not texts and not repeat.anchored and trims(repeat):
            yield from (Pump(repeat.prefix, " ", end, "trim") for end in ENDS[:1])


def ends(repeat: Repeat) -> Iterator[str]:
    """What may make a text fail at its end: at once, or only behind all that the pattern asks for.

    A function may look at a text before the pattern does: for an address it wants to see one `@`.
    """
    yield ENDS[0]
    rest = sample(repeat.after)
    if rest:
        yield rest + ENDS[0]
    yield from ENDS[1:]


def repeats(items: Sequence[Any], prefix: str, *, search: bool, depth: int = 0) -> Iterator[Repeat]:
    """Every repetition without end of a sequence, outermost first."""
    if depth > DEEPEST:
        return
    anchored = not search
    for index, (op, value) in enumerate(items):
        name = str(op)
        if name == "AT" and str(value) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            anchored = True
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            low, high, body = value
            if int(high) >= MANY:
                yield Repeat(prefix, list(body), items[index + 1 :], anchored or bool(prefix))
            del low
        for inner in bodies(op, value):
            yield from (
                Repeat(r.prefix, r.body, [*r.after, *items[index + 1 :]], r.anchored or anchored)
                for r in repeats(inner, prefix, search=search or not anchored, depth=depth + 1)
                if not (name in ("MAX_REPEAT", "MIN_REPEAT") and int(value[1]) >= MANY)
            )
        prefix += sample([(op, value)])


def bodies(op: Any, value: Any) -> Iterator[list[Any]]:
    """The sequences within one item."""
    name = str(op)
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        yield list(value[2])
    elif name == "SUBPATTERN":
        yield list(value[-1])
    elif name == "BRANCH":
        yield from (list(one) for one in value[1])
    elif name in ("ASSERT", "ASSERT_NOT"):
        yield list(value[1])


def ambiguous(body: Sequence[Any], depth: int = 0) -> Iterator[str]:
    """Texts that the body of a repetition matches in more ways than one, if it is repeated."""
    if depth > DEEPEST:
        return
    for index, (op, value) in enumerate(body):
        name = str(op)
        before, after = sample(body[:index]), sample(body[index + 1 :])
        if name in ("MAX_REPEAT", "MIN_REPEAT") and int(value[1]) >= MANY:
            inner = characters(list(value[2]))
            # `(\w+\s?)*`: what stands beside the inner repetition may be missing or is taken by it, too.
            others = [*body[:index], *body[index + 1 :]]
            if inner and all(optional(o, v) or set(characters([(o, v)])) & set(inner) for o, v in others):
                shared = set(inner).intersection(*(set(characters([i])) for i in others if not optional(*i)))
                good = [c for c in inner if c in shared] or inner
                yield good[0] * max(1, 1 + sum(not optional(*i) for i in others))
        elif name == "BRANCH":
            yield from (before + text + after for text in twice(list(value[1]), body[index + 1 :], body))
        for inner_body in bodies(op, value):
            if name in ("SUBPATTERN", "BRANCH") or (name in ("MAX_REPEAT", "MIN_REPEAT") and index >= 0):
                yield from (before + text + after for text in ambiguous(inner_body, depth + 1))


def twice(options: Sequence[Any], after: Sequence[Any], body: Sequence[Any]) -> Iterator[str]:
    """Texts that two alternatives match, or one of them and what comes next."""
    empty = [one for one in options if all(optional(o, v) for o, v in one)]
    if len(empty) > 1:
        yield ""
    following = {*firsts(list(after)), *(firsts(list(body)) if all(optional(o, v) for o, v in after) else ())}
    for one in options if empty else ():
        if set(firsts(list(one))) & following:
            yield sample(list(one))
    for number, one in enumerate(options):
        for other in options[number + 1 :]:
            for good in sorted(set(firsts(list(one))) & set(firsts(list(other))), key=ALPHABET.index)[:1]:
                # Of `a|ab|b` the longest is what the others can put together, too.
                texts = [sample(list(each), good) for each in options]
                yield max((text for text in texts if text.startswith(good)), key=len, default=good)


def neighbours(repeat: Repeat) -> Iterator[str]:
    """Texts that a repetition and a later one both take, with what lies between them."""
    mine = set(characters(repeat.body))
    between = ""
    for op, value in flat(repeat.after):
        if str(op) in ("MAX_REPEAT", "MIN_REPEAT") and int(value[1]) >= MANY:
            other = set(characters(list(value[2])))
            if mine & other and set(between) <= mine & other:
                yield between or sorted(mine & other, key=ALPHABET.index)[0]
            if not mine & other and int(value[0]):
                return
        elif not optional(op, value):
            between += sample([(op, value)])
            if not set(between) <= mine:
                return


def flat(items: Sequence[Any]) -> Iterator[Any]:
    """A sequence with its groups opened."""
    for op, value in items:
        if str(op) == "SUBPATTERN":
            yield from flat(list(value[-1]))
        else:
            yield op, value


def trims(repeat: Repeat) -> bool:
    """Whether it searches for white space before an end: from each blank of a long row it looks to the row's end.

    Other searches that start anew everywhere are quadratic, too, but every second pattern is one of them.
    """
    ends = [str(value) for op, value in repeat.after if str(op) == "AT"]
    spaces = bool(repeat.body) and set(characters(repeat.body)) <= set(" \t\n")
    return spaces and any(end in ("AT_END", "AT_END_STRING") for end in ends)


def optional(op: Any, value: Any) -> bool:
    """Whether an item may match nothing."""
    name = str(op)
    if name in ("MAX_REPEAT", "MIN_REPEAT"):
        return int(value[0]) == 0
    if name == "SUBPATTERN":
        return all(optional(o, v) for o, v in value[-1])
    if name == "BRANCH":
        return any(all(optional(o, v) for o, v in one) for one in value[1])
    return name in ("AT", "ASSERT", "ASSERT_NOT", "GROUPREF_EXISTS")


def characters(items: Sequence[Any]) -> list[str]:
    """Characters that a sequence matches alone, or over and over, in the order of the alphabet."""
    found: set[str] = set()
    for index, (op, value) in enumerate(items):
        if not all(optional(o, v) for o, v in [*items[:index], *items[index + 1 :]]):
            continue
        inners = list(bodies(op, value))
        for inner in inners:
            found.update(characters(inner))
        if not inners:
            found.update(c for c in ALPHABET if accepts(op, value, c))
    return sorted(found, key=ALPHABET.index)


def firsts(items: Sequence[Any]) -> list[str]:
    """Characters with which a sequence may begin."""
    found: set[str] = set()
    for op, value in items:
        inners = list(bodies(op, value))
        if inners and str(op) not in ("ASSERT", "ASSERT_NOT"):
            for inner in inners:
                found.update(firsts(inner))
        else:
            found.update(c for c in ALPHABET if accepts(op, value, c))
        if not optional(op, value):
            break
    return sorted(found, key=ALPHABET.index)


def sample(items: Sequence[Any], wanted: str = "") -> str:
    """A short text that a sequence matches, as far as one sees; with `wanted` where it may stand."""
    text = ""
    for op, value in items:
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            text += sample(list(value[2]), wanted) * min(int(value[0]), 50)
        elif name == "SUBPATTERN":
            text += sample(list(value[-1]), wanted)
        elif name == "BRANCH":
            options = [sample(list(one), wanted) for one in value[1]]
            text += next((one for one in options if wanted and one.startswith(wanted)), options[0])
        elif wanted and accepts(op, value, wanted):
            text += wanted
        else:
            text += next((c for c in ALPHABET if accepts(op, value, c)), "")
    return text


def accepts(op: Any, value: Any, char: str) -> bool:
    """Whether an item that stands for one character takes this one."""
    name = str(op)
    if name == "LITERAL":
        return bool(ord(char) == value)
    if name == "NOT_LITERAL":
        return bool(ord(char) != value)
    if name == "ANY":
        return char != "\n"
    if name == "RANGE":
        return bool(value[0] <= ord(char) <= value[1])
    if name == "CATEGORY":
        return in_category(str(value), char)
    if name == "IN":
        negated = bool(value) and str(value[0][0]) == "NEGATE"
        inside = any(accepts(o, v, char) for o, v in value if str(o) != "NEGATE")
        return inside != negated
    return False


def in_category(name: str, char: str) -> bool:
    """Whether a character is a digit, a space, part of a word, or not."""
    kind = name.removeprefix("CATEGORY_")
    tests = {"DIGIT": char.isdigit(), "SPACE": char.isspace(), "WORD": char.isalnum() or char == "_"}
    if kind.startswith("NOT_"):
        return not tests.get(kind.removeprefix("NOT_"), True)
    return tests.get(kind, False)

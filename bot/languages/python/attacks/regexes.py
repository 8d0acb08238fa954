"""CWE-1333: patterns that take their time: a short text, and a regular expression tries for ever.

The text is read off the pattern (`pumping.py`); that it takes long is measured: CPU time at growing sizes, cut off
by a timer, and only growth that is plainly more than linear counts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.pumping import Pump, pumps
from bot.languages.python.attacks.subject import Subject, dotted

METHODS = hints.listed("match fullmatch search findall finditer sub subn split compile")
AT_THE_START = hints.listed("match fullmatch")
SEVERITY = {"nested": "high", "neighbours": "medium", "trim": "low"}
MOST = 9
"""Texts that are tried on one argument."""

SENSORS = '''\
SIZE, SPENT, DONE = [1], [], []


class Enough(BaseException):
    """Ends a call that takes too long; no `except Exception` of the function holds it up."""


def grown(payload):
    """The text of a payload at the size of now."""
    start, pump, end = payload
    return start + pump * SIZE[0] + end


def ring(number, frame):
    HITS.append(place())
    raise Enough


def watch(tmp_path, monkeypatch):
    signal.signal(signal.SIGVTALRM, ring)


def seconds(call, before):
    """CPU seconds of a call, cut off as soon as it is plain that it takes too long."""
    started = time.process_time()
    limit = max(1.1, 2.8 * before)
    signal.setitimer(signal.ITIMER_VIRTUAL, limit)
    least = 0.0
    try:
        attempt(call)
    except Enough:
        least = limit  # clocks of CPU time are coarse, and may say less
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    SPENT.append(time.process_time() - started)
    return max(SPENT[-1], least)


def landed(payload, result, tmp_path):
    """Doubles the text until a call takes a second; steep is more than 2.6 times as long for twice the text."""
    if payload in DONE or sum(SPENT) > 4:
        return None
    DONE.append(payload)
    for number in range(len(calls(payload, tmp_path))):
        times, SIZE[0] = [], 1
        while len(grown(payload)) <= 25000 and sum(SPENT) < 4 and max(times, default=0) < 1:
            SIZE[0] *= 2
            times.append(seconds(calls(payload, tmp_path)[number], max(times, default=0)))
        steep = len(times) > 2 and times[-1] > 2.6 * times[-2]
        steep = steep and (times[-3] < 0.01 or times[-2] > 2.6 * times[-3])
        SIZE[0] = 1
        if times and times[-1] > 1 and steep:
            return "more than a second of CPU time for a text of 50,000 characters or less", (HITS or [[]])[-1]
    return None
'''


@dataclass(frozen=True)
class Pattern:
    """A regular expression of the function's."""

    text: str
    flags: int
    search: bool
    line: int


def regexes(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that match a text against a pattern that may backtrack."""
    found = [(pump, pattern) for pattern in patterns(subject) for pump in pumps_of(pattern)]
    if not found:
        return
    found.sort(key=lambda pair: list(SEVERITY).index(pair[0].kind))
    worst, pattern = found[0]
    payloads = list(dict.fromkeys((pump.prefix, pump.pump, pump.end) for pump, _ in found))[:MOST]
    for target in subject.targets:
        if target.kind == "path":
            continue
        made = frame.attack_of(
            subject,
            replace(target, value=re.sub(r"\bpayload\b", "grown(payload)", target.value)),
            frame.Proof(
                question=f"take ever longer for its argument `{target.label}`",
                test="takes_no_longer_than_the_text_is_long",
                payloads=[repr(payload) for payload in payloads],
                sensors=SENSORS,
                imports=("import signal", "import time"),
                dressed=False,
            ),
            rule="regular-expression",
            cwe=1333,
            title=f"`{subject.name}` hangs on certain values of `{target.label}`: its pattern backtracks",
            severity=SEVERITY[worst.kind],
            why="A text of some kilobytes at most keeps a core busy for seconds, or for ever.",
            line=pattern.line,
            limits=hints.STRANGERS,
        )
        yield replace(made, payload=f"{worst.prefix}{worst.pump * 8}...{worst.end}")


def pumps_of(pattern: Pattern) -> tuple[Pump, ...]:
    """Texts on which a pattern may backtrack."""
    return pumps(pattern.text, pattern.flags, search=pattern.search)


def patterns(subject: Subject) -> Iterator[Pattern]:
    """The regular expressions that the function and its helpers use, those of constants too."""
    constants = dict(hints.globals_of(subject))
    used: set[str] = set()
    for node in hints.nodes_of(subject):
        used.update(hints.names_in(node))
        for each in ast.walk(node):
            if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
                constants.setdefault(each.targets[0].id, each.value)
    for site in subject.sites:
        owner, _, method = site.name.rpartition(".")
        if method not in METHODS:
            continue
        if owner in ("re", "regex"):
            found = pattern_of(site.node, method, constants)
            if found is not None:
                search = method not in AT_THE_START if method != "compile" else not used & AT_THE_START
                yield replace(found, search=search, line=site.line)
            continue
        compiled = constants.get(owner.rpartition(".")[2])
        if isinstance(compiled, ast.Call) and dotted(compiled.func, subject.names).endswith("re.compile"):
            found = pattern_of(compiled, method, constants)
            if found is not None:
                yield replace(found, search=method not in AT_THE_START, line=site.line)


def pattern_of(call: ast.Call, method: str, constants: dict[str, ast.expr]) -> Pattern | None:
    """The pattern that a call of `re` gives; None where it is no constant."""
    text = constant(call.args[0], constants) if call.args else None
    if text is None:
        return None
    given = [keyword.value for keyword in call.keywords if keyword.arg == "flags"]
    place = {"sub": 4, "subn": 4, "compile": 1, "split": 3}.get(method, 2)
    if dotted(call.func, {}).endswith("compile"):
        place = 1
    given += call.args[place : place + 1]
    flags = 0
    for each in given:
        for name in hints.names_in(each):
            flags |= int(getattr(re, name, 0)) if name.isupper() else 0
    return Pattern(f"(?:{text})\\Z" if method == "fullmatch" else text, flags, True, call.lineno)


def constant(node: ast.expr, constants: dict[str, ast.expr], depth: int = 0) -> str | None:
    """The text that an expression gives, put together of constants; None where something else is in it."""
    if depth > 5:
        return None
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Constant(value=bytes(data)):
            return data.decode("latin-1")
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in constants:
            return constant(constants[name], constants, depth + 1)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            first, second = constant(left, constants, depth + 1), constant(right, constants, depth + 1)
            return None if first is None or second is None else first + second
        case ast.JoinedStr(values=values):
            parts = [
                constant(each.value if isinstance(each, ast.FormattedValue) else each, constants, depth + 1)
                for each in values
            ]
            return None if None in parts else "".join(part for part in parts if part is not None)
    return None

"""Single calls of a function and timed runs of it, as jobs for the fork server and as values of its answers.

As in `wire.py`, nothing that comes back is trusted: texts are clipped and cleaned, shapes are checked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot import wire
from bot.domain import Unit
from bot.sandboxes import Reply

MAX_ROWS = 20_000
HOW = ("returned", "raised", "endless", "left", "unusable")
MADE = wire.MADE


@dataclass(frozen=True)
class Input:
    """Arguments of one call: recorded ones as a pickle, or Python source of a tuple in the order of parameters."""

    pickled: str = ""
    """Base64 of a pickled list of values; loaded in a container only."""
    source: str = ""
    """Python source of a tuple: evaluated in a container only."""
    needs: tuple[str, ...] = ()
    """Import statements that `source` needs."""
    origin: str = "recorded"
    """`recorded`, `derived` or `generated`."""


@dataclass(frozen=True)
class Called:
    """What one call did."""

    how: str
    """`returned`, `raised`, `endless`, `left` (SystemExit, or the process died), `unusable` (the input cannot be
    made; or the result holds what cannot be compared: a lock, a file, a function made in the function)."""
    digest: str
    """Of result or exception class, and of the arguments afterwards: equal for calls that end alike."""
    arguments: str
    """As they were before the call, for a reader, clipped."""
    result: str
    """Clipped repr of the result, or `KeyError: 'x'`."""
    raised: str = ""
    """Class name of the exception that escaped."""
    explicit: bool = False
    """Whether a `raise` or `assert` statement of the function itself raised it."""
    line: int = 0
    """Line of the function's file at which the exception came through the function, the innermost; 0 for none."""
    source: str = ""
    """The arguments, as they were before, as Python source of a tuple; empty where they have none."""
    answer: str = ""
    """The result as Python source; empty where it has none."""
    needs: tuple[str, ...] = ()
    """Import statements that `source` and `answer` need."""
    steps: int = 0
    """Statements of the function executed."""
    origin: str = "recorded"
    after: str = ""
    """The arguments as the call left them, as source, where it changed them and they have one."""
    changed: bool = False
    """Whether the call changed its arguments."""
    place: int = 0
    """Its place among all that were asked for: inputs in order, each followed by its variants."""


@dataclass(frozen=True)
class Timing:
    """Interleaved runs of several versions on one input at one scale."""

    input: int
    """Index of the input that was asked for."""
    scale: int
    """By how much it was grown."""
    size: int
    """Its size: elements and characters of all its collections, and what its numbers count."""
    arguments: str
    """For a reader, clipped."""
    seconds: tuple[tuple[float, ...], ...]
    """For each version the CPU seconds of a call, one entry a round; rounds are in the same order for all. Empty
    for a version that is `endless`."""
    digests: tuple[str, ...]
    """For each version the digest of what it answered (result or exception, arguments afterwards)."""
    how: tuple[str, ...]
    """For each version: `returned`, `raised`, `endless` (it took more than 20 times as long as the fastest, or
    longer than there was time), `unusable` (it returned what cannot be compared; its times are good)."""
    memory_kb: tuple[int, ...] = ()
    """For each version the peak of traced memory in one call of its own; empty where time was up."""
    events: tuple[Mapping[str, int], ...] = field(default_factory=tuple)
    """For each version: `sql`, `open`, `connect`, `process` -> how many in one call; empty where time was up."""


# ----------------------------------------------------------------------------------------------------- calls


def call_message(
    unit: Unit, source: str | None, imports: Sequence[str], inputs: Sequence[Input], **more: object
) -> dict[str, Any]:
    """The fork server's request for calls; `more` are derive, seed, seconds, step_limit, start."""
    return {
        "kind": "call",
        "source": source,
        "imports": list(imports),
        "inputs": [rendered(one) for one in inputs],
        "parameters": [list(pair) for pair in unit.parameters],
        **more,
    }


def rendered(one: Input) -> dict[str, Any]:
    """One input for the way inside."""
    return {"pickled": one.pickled, "source": one.source, "needs": list(one.needs), "origin": one.origin}


def read_called(row: Mapping[str, Any]) -> Called:
    """One row."""
    how = row.get("how")
    (source, answer, after), needs = wire.sourced(row, "source", "answer", "after")
    return Called(
        how=how if isinstance(how, str) and how in HOW else "unusable",
        digest=wire.clean(row.get("digest"), 16),
        arguments=wire.said(row.get("arguments"), 400),
        result=wire.said(row.get("result"), 300),
        raised=wire.clean(row.get("raised"), 100),
        explicit=row.get("explicit") is True,
        line=int(wire.number(row.get("line"))),
        source=source,
        answer=answer,
        needs=needs,
        steps=int(wire.number(row.get("steps"))),
        origin=wire.clean(row.get("origin"), 20),
        after=after,
        changed=row.get("changed") is True,
        place=int(wire.number(row.get("place"))),
    )


@dataclass(frozen=True)
class Batch:
    """What one child told of its calls."""

    rows: tuple[Called, ...]
    complete: bool
    """Whether it ended by itself: all is told, or its time is over."""
    usable: bool
    """False where the version cannot be called at all."""
    message: str = ""


def read_calls(reply: Reply, start: int) -> Batch:
    """Calls of one child, in order without gaps from place `start` on; the one that ended it is among them."""
    status = reply.get("status")
    if "error" in reply or status in ("unswappable", "syntax"):
        return Batch((), True, False, wire.clean(reply.get("message") or reply.get("error"), 500))
    begun: dict[str, Any] = {}
    rows: list[Called] = []
    raw = reply.get("rows")
    for row in raw[:MAX_ROWS] if isinstance(raw, list) else []:
        if not isinstance(row, dict) or row.get("place") != start + len(rows):
            continue
        if row.get("begun") is True:
            begun = row
        else:
            before = begun if begun.get("place") == row.get("place") else {}
            rows.append(read_called({**before, **row}))
            begun = {}
    if status == "ran":
        return Batch(tuple(rows), reply.get("complete") is True, True)
    if begun:
        rows.append(read_called({**begun, **death(reply)}))
    return Batch(tuple(rows), False, bool(rows))


def death(reply: Reply) -> dict[str, Any]:
    """How a call ended that took its process with it."""
    code, signal = wire.whole(reply.get("exit")) or 0, wire.whole(reply.get("signal")) or 0
    if reply.get("killed") or signal in (9, 24) or code == 86:
        return {"how": "endless", "result": "does not end", "digest": wire.digest("endless||")}
    text = f"the process died of signal {signal}" if signal else f"the process ended with exit code {code}"
    return {"how": "left", "result": text, "digest": wire.digest(text)}


# ----------------------------------------------------------------------------------------------------- times


def measure_message(
    unit: Unit, versions: Sequence[tuple[str | None, Sequence[str]]], inputs: Sequence[Input], **more: object
) -> dict[str, Any]:
    """The fork server's request for times of versions (source, imports); `more` are scales, seconds, seed."""
    return {
        "kind": "measure",
        "versions": [{"source": source, "imports": list(imports)} for source, imports in versions],
        "inputs": [rendered(one) for one in inputs],
        "parameters": [list(pair) for pair in unit.parameters],
        **more,
    }


EVENTS = ("sql", "open", "connect", "process")


def read_timings(reply: Reply, versions: int, inputs: int) -> tuple[Timing, ...] | None:
    """What a measurement told, also one that was cut short; None where the versions could not be called."""
    raw = reply.get("rows")
    if "error" in reply or reply.get("status") in ("unswappable", "syntax") or not isinstance(raw, list):
        return None
    found: dict[tuple[int, int], Timing] = {}
    for row in raw[:MAX_ROWS]:
        if not isinstance(row, dict):
            continue
        key = (whole(row.get("input")), whole(row.get("scale")))
        if key in found:
            found[key] = replace(found[key], **resources(row, versions))
        elif key[0] < inputs and key[1] > 0 and (timing := read_timing(row, versions)) is not None:
            found[key] = timing
    return tuple(found[key] for key in sorted(found))


def read_timing(row: Mapping[str, Any], versions: int) -> Timing | None:
    """One row; None where its parts do not fit together."""
    seconds = lists(row.get("seconds"), versions)
    digests, how = row.get("digests"), row.get("how")
    if seconds is None or not (isinstance(digests, list) and isinstance(how, list)):
        return None
    words = tuple(wire.clean(word, 20) for word in how)
    times = tuple(tuple(wire.number(one) for one in rounds[:MAX_ROUNDS]) for rounds in seconds)
    if len(digests) != versions or len(words) != versions or not all(word in HOW for word in words):
        return None
    rounds = {len(one) for one, word in zip(times, words, strict=True) if word != "endless"}
    if len(rounds) > 1 or any(second <= 0 for one in times for second in one):
        return None
    return Timing(
        input=whole(row.get("input")),
        scale=whole(row.get("scale")),
        size=whole(row.get("size")),
        arguments=wire.said(row.get("arguments"), 400),
        seconds=tuple(() if word == "endless" else one for one, word in zip(times, words, strict=True)),
        digests=tuple(wire.clean(digest, 16) for digest in digests),
        how=words,
    )


MAX_ROUNDS = 1000


def resources(row: Mapping[str, Any], versions: int) -> dict[str, Any]:
    """Memory and events of a row that tells them."""
    memory, events = row.get("memory_kb"), row.get("events")
    found: dict[str, Any] = {}
    if isinstance(memory, list) and len(memory) == versions:
        found["memory_kb"] = tuple(whole(one) for one in memory)
    if isinstance(events, list) and len(events) == versions and all(isinstance(one, dict) for one in events):
        found["events"] = tuple({kind: whole(one[kind]) for kind in EVENTS if kind in one} for one in events)
    return found


def lists(value: object, length: int) -> list[list[object]] | None:
    """A list of so many lists, or None."""
    if not isinstance(value, list) or len(value) != length or not all(isinstance(one, list) for one in value):
        return None
    return value


def whole(value: object) -> int:
    """A whole number that is not negative."""
    return int(wire.number(value))

"""Symbolic: a solver looks for arguments on which a rewrite and what it replaces part ways.

Recorded and made inputs are points; here whole paths of both versions are followed with symbols for arguments,
which finds the one number or text that nobody thinks of. It proves nothing: few functions have all their paths
seen, and values stand for their annotated types. An input that it names is run for real on both before it counts.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot import trial, wire
from bot.errors import SandboxError
from bot.languages import Answered, Comparison, Unparsable
from bot.sandboxes import Reply
from bot.wire_calls import Called, Input

MOST_INPUTS = 8
"""Inputs that are run for real."""
PATIENCE = 6
"""How many seconds may pass for one CPU second: other work shares the machine."""
STARTING = 60.0
"""Seconds for importing the repository and the tool."""
ARGUMENTS = 120
ANSWER = 60
"""Characters of arguments and of an answer in words for a reader."""

UNPLACED = ("NameError", "UnboundLocalError", "ImportError", "ModuleNotFoundError")


@dataclass(frozen=True)
class Compared:
    """What a symbolic comparison came to."""

    words: str = ""
    """For a reader: `no difference from head found symbolically in 10 s`; empty where nothing can be said."""
    differs: bool = False
    """Whether an input was found on which the two, run for real, answer differently."""
    why: str = ""
    """Why nothing can be said; empty where something can."""


@dataclass(frozen=True)
class Explored:
    """What the tool told."""

    paths: int = 0
    returned: int = 0
    exhausted: bool = False
    inputs: tuple[Input, ...] = ()
    why: str = ""


def compare(
    lab: trial.Lab,
    side: trial.Side,
    place: trial.Place,
    versions: tuple[trial.Version, trial.Version],
    name: str,
    tests: Sequence[str],
    seconds: float,
    green: Sequence[str] = (),
    calls: Sequence[str] = (),
) -> Compared:
    """The second version of a function against the first, which is `name` (`head`, `base`) to a reader.

    `tests` execute the function: a fork server that holds their modules is where inputs are run for real. Of them
    the first version has to pass those in `green`: base's may not stand in head's file as it stood in its own.
    Recorded `calls` (as `Call.source`) give types where there are no annotations. Raises SandboxError when the
    container breaks.
    """
    old, new = (Answered(version.source, version.imports) for version in versions)
    try:
        comparison = place.language.comparison(place.function, side.files, old, new, calls, seconds)
    except Unparsable as problem:
        return Compared(why=problem.message)
    with lab.open(side) as box:
        put(box.ask(put_job(place, side, comparison), seconds=30))
        lab.count()
        limit = PATIENCE * seconds + STARTING
        seen = explored(box.ask(wire.command_job(comparison.argv, limit), seconds=limit + 60))
    if seen.why:
        return Compared(why=seen.why)
    if seen.inputs:
        with lab.open(side) as box:
            stage = trial.Stage(lab, box, place, side)
            stage.start(tests)
            return confirmed(stage, versions, name, seen.inputs, green)
    if not seen.returned:
        return Compared(why="it returned for none of the arguments that were made of its types")
    how = f"all {seen.paths} paths were seen" if seen.exhausted else f"{seen.paths} paths, not all there are"
    return Compared(f"no difference from {name} found symbolically in {seconds:g} s ({how})")


def put_job(place: trial.Place, side: trial.Side, comparison: Comparison) -> dict[str, object]:
    """Writes the files of a comparison, in the encoding of the function's own."""
    original = side.files.read(place.function.path)
    files = {
        path: base64.b64encode(place.language.encode(text, original)).decode()
        for path, text in comparison.files.items()
    }
    return {"kind": "put", "files": files}


def put(reply: Reply) -> None:
    """Raises SandboxError where the files could not be written."""
    if "error" in reply:
        raise SandboxError(f"cannot write in the container: {wire.clean(reply['error'], 200)}", slug="put")


def explored(reply: Reply) -> Explored:
    """What the tool told, out of the last line that was printed; nothing of it is trusted."""
    code = wire.whole(reply.get("code"))
    if reply.get("stop"):
        return Explored(why="it did not end in time")
    told = last_line(reply.get("output"))
    if told.get("why") == "absent":
        return Explored(why="the image does not hold the tool (its package could not be installed)")
    if code not in (0, 1) or told.get("why") != "":
        return Explored(why="the tool could not compare them")
    inputs = told.get("inputs")
    needs = wire.needed(told.get("needs")) or ()
    sources = [wire.expression(text) for text in (inputs if isinstance(inputs, list) else [])[:MOST_INPUTS]]
    given = tuple(Input(source=source, needs=needs, origin="generated") for source in sources if source)
    if code == 1 and not given:
        return Explored(why="it names a difference that cannot be run")
    return Explored(
        paths=int(wire.number(told.get("paths"))),
        returned=int(wire.number(told.get("returned"))),
        exhausted=told.get("exhausted") is True,
        inputs=given if code == 1 else (),
    )


def last_line(output: object) -> Mapping[str, object]:
    """The JSON object in the last line of an output; empty where there is none."""
    lines = output.strip().split("\n") if isinstance(output, str) else []
    try:
        told = json.loads(lines[-1]) if lines else {}
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def confirmed(
    stage: trial.Stage,
    versions: tuple[trial.Version, trial.Version],
    name: str,
    inputs: Sequence[Input],
    green: Sequence[str],
) -> Compared:
    """What becomes of inputs that are said to lead two versions apart: both are called, the first twice."""
    first, second = versions
    if green and not passes(stage, first, green):
        return Compared(why=f"{name}'s version does not stand in the place of head's")
    rows = [stage.call(version, inputs) for version in (first, second, first)]
    if any(row is None for row in rows):
        return Compared(why="it names a difference that cannot be run")
    for old, new, again in zip(*(row or () for row in rows), strict=False):
        if usable(old) and usable(new) and old.digest == again.digest != new.digest:
            arguments = shortened(f"{stage.place.unit.name}({old.arguments})", ARGUMENTS)
            return Compared(f"differs from {name} on `{arguments}`: {said(old)} there, {said(new)} here", True)
    return Compared(why="it names a difference that does not show when both are run")


def passes(stage: trial.Stage, version: trial.Version, tests: Sequence[str]) -> bool:
    """Whether a version passes all these tests."""
    for _, reply in stage.preview([version], trial.Course(tuple(tests))):
        return reply.status == "ran" and all(row.outcome.good for row in reply.rows)
    return False


def usable(call: Called) -> bool:
    """Whether a call ended in a way that can be compared: what does not end may only have had too little time, and
    a name that is not there is missing in this place alone."""
    return call.how == "returned" or (call.how == "raised" and call.raised not in UNPLACED)


def said(call: Called) -> str:
    """How a call ended, for a reader; with what it left of its arguments where it changed them."""
    word = "raises" if call.how == "raised" else "gives"
    after = f", and leaves `{shortened(call.after, ANSWER)}`" if call.after else ""
    return f"{word} `{shortened(call.result, ANSWER)}`{after}"


def shortened(text: str, size: int) -> str:
    """One line of so many characters at most, without what would end a span of code."""
    line = " ".join(text.replace("`", "'").split())
    return line if len(line) <= size else f"{line[: size - 1]}…"

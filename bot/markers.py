"""Our signature under a comment: one HTML comment as the last line, with what we remember of the pull request.

A marker says what a comment of ours is about, so that a later run finds it again and nothing is posted twice. Only
the last line of a body counts: whatever a repository or a model said stands above it. The memory is compressed
JSON; who may edit our comments may change it, so it is validated like any foreign text, within hard limits.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.domain import Probe, Severity
from bot.plan import Known, Memory

Kind = Literal["summary", "finding", "answer"]

MAX_MEMORY = 24_000
"""Characters of memory that are written; what it does not hold is found out anew."""
MAX_READ = 60_000
"""Characters of memory that are read: room for what a later version may write."""
MAX_RAW = 512_000
"""Bytes of JSON, unpacked: a few kilobytes can be made to unpack to gigabytes."""
MAX_ID = 80
VERSION = 1
"""Of the memory's JSON. Additions leave it, since unknown keys are ignored."""

_ID = r"[A-Za-z0-9._:]+(?:-[A-Za-z0-9._:]+)*"
"""No two hyphens in a row: for some parsers they end a comment."""
_LINE = re.compile(
    rf"<!-- tryline:1 (?P<kind>summary|finding|answer)(?: id=(?P<id>{_ID}))?(?P<withdrawn> withdrawn)?"
    r"(?: memory=(?P<memory>[A-Za-z0-9._]+))? -->"
)


@dataclass(frozen=True)
class Marker:
    """What a comment of ours is."""

    kind: Kind
    id: str = ""
    """Of the finding, or of the command that is answered; empty for the summary."""
    withdrawn: bool = False
    memory: Memory | None = None


def write(marker: Marker) -> str:
    """The marker as one line, to be the last one of a body.

    Where the memory is too large it forgets, in this order, until it fits: rewrites, probes (in both cases the
    function counts as not reviewed, too), what was reviewed, findings, and the oldest of what is ignored. Raises
    ValueError for an id that a marker cannot hold.
    """
    if marker.id and (len(marker.id) > MAX_ID or not re.fullmatch(_ID, marker.id)):
        raise ValueError(f"no id for a marker: {marker.id!r}")
    parts = [f"tryline:1 {marker.kind}"]
    parts += [f"id={marker.id}"] if marker.id else []
    parts += ["withdrawn"] if marker.withdrawn else []
    parts += [f"memory={_packed(marker.memory)}"] if marker.memory is not None else []
    return f"<!-- {' '.join(parts)} -->"


def read(body: str) -> Marker | None:
    """The marker in the last line that is not empty; None where that line is none.

    A memory that cannot be read (damaged, too large, of another version) is None in a marker that still holds: the
    comment stays ours, and is not posted a second time.
    """
    found = _LINE.fullmatch(_split(body)[1])
    if found is None or len(found["id"] or "") > MAX_ID:
        return None
    memory = _unpacked(found["memory"]) if found["memory"] else None
    kind: Kind = "summary" if found["kind"] == "summary" else "finding" if found["kind"] == "finding" else "answer"
    return Marker(kind, found["id"] or "", bool(found["withdrawn"]), memory)


def signed(text: str, marker: Marker) -> str:
    """A body: the text, an empty line, the marker."""
    return f"{text.rstrip()}\n\n{write(marker)}"


def unsigned(body: str) -> str:
    """A body without its marker, and without white space at its end; as it is where there is none."""
    text, line = _split(body)
    return text.rstrip() if _LINE.fullmatch(line) else body.rstrip()


def marked(body: str, marker: Marker) -> str:
    """The body with its marker; one that has a marker of this kind keeps it."""
    found = read(body)
    return body if found is not None and found.kind == marker.kind else signed(body, marker)


def remembering(body: str, present: str) -> str:
    """The text of a summary that replaces `present`: what that remembers is not lost to a text without memory,
    which comes of a conversation that was read under another account's name."""
    old = read(present) or Marker("summary")
    new = read(body)
    if new is None or new.kind != "summary":
        return signed(body, old)
    forgets = new.memory is None or new.memory == Memory()
    return signed(unsigned(body), replace(new, memory=old.memory)) if forgets and old.memory else body


def same(one: str, other: str) -> bool:
    """Whether two bodies say the same: platforms change line ends and cut white space."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()


def _split(body: str) -> tuple[str, str]:
    """What comes before the last line that is not empty, and that line. Platforms may change line ends."""
    whole = body.rstrip()
    at = max(whole.rfind("\n"), whole.rfind("\r")) + 1
    return whole[:at], whole[at:]


# ------------------------------------------------------------------------------------------------- the memory


class _Record(BaseModel):
    """Foreign until it is validated; unknown keys are those of a later version."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Probe(_Record):
    kind: str
    code: str
    test: str
    claim: str
    raises: str = ""
    source: str = ""
    severity: Severity = Severity.MEDIUM
    line: int = Field(default=0, ge=0, le=10_000_000)
    call: str = ""
    expected: str = ""
    fixed: str = ""
    imports: tuple[str, ...] = ()
    stub: str = ""


class _Known(_Record):
    id: str
    function: str
    rule: str
    title: str
    source: str = ""
    imports: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    proposer: str = ""
    rung: str = ""
    probe: _Probe | None = None


class _Memory(_Record):
    version: Annotated[int, Field(ge=VERSION, le=VERSION, strict=True)]
    head: str = ""
    functions: dict[str, str] = {}
    findings: tuple[_Known, ...] = ()
    ignored: dict[str, str] = {}


def _packed(memory: Memory) -> str:
    smaller = _smaller(memory)
    while True:
        raw = json.dumps(
            {"version": VERSION, **_without_defaults(asdict(memory))}, ensure_ascii=False, separators=(",", ":")
        ).encode("utf-8", "replace")
        # A full stop for the hyphen of the usual alphabet: two of them would end a comment for some parsers.
        text = base64.b64encode(zlib.compress(raw, 9), b"._").decode("ascii").rstrip("=")
        if len(text) <= MAX_MEMORY and len(raw) <= MAX_RAW:
            return text
        memory = next(smaller)


def _smaller(memory: Memory) -> Iterator[Memory]:
    """The memory with less and less in it, what is cheapest to do without first; at last with nothing."""
    for rewrites in (True, False):
        for known in sorted(memory.findings, key=lambda known: -_weight(known, rewrites)):
            if _weight(known, rewrites):
                lean = {"source": "", "imports": (), "edits": ()} if rewrites else {"probe": None}
                memory = replace(
                    memory,
                    # What is told of the function is not whole any more: it has to be reviewed again.
                    functions={name: d for name, d in memory.functions.items() if name != known.function},
                    findings=tuple(
                        replace(other, **lean) if other.id == known.id else other for other in memory.findings
                    ),
                )
                yield memory
    while memory.functions:
        memory = replace(memory, functions=dict(_half(tuple(memory.functions.items()))))
        yield memory
    while memory.findings:
        memory = replace(memory, findings=_half(memory.findings))
        yield memory
    while memory.ignored:
        newest = tuple(memory.ignored.items())[::-1]
        memory = replace(memory, ignored=dict(_half(newest)[::-1]))
        yield memory
    yield Memory()


def _weight(known: Known, rewrites: bool) -> int:
    """How many characters the finding's rewrite has, or its probe."""
    if rewrites:
        return len(known.source) + sum(map(len, (*known.imports, *known.edits)))
    return sum(len(str(value)) for value in asdict(known.probe).values()) if known.probe is not None else 0


_Item = TypeVar("_Item")


def _half(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """The first half, rounded down."""
    return items[: len(items) // 2]


def _without_defaults(value: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty, which is what every field defaults to that may be left out."""
    out: dict[str, Any] = {}
    for key, item in value.items():
        if key == "findings":
            item = [_without_defaults(known) for known in item]
        elif isinstance(item, dict) and key == "probe":
            item = _without_defaults(item)
        if item or key in ("id", "function", "rule", "title", "kind", "code", "test", "claim"):
            out[key] = item
    return out


def _unpacked(text: str) -> Memory | None:
    if len(text) > MAX_READ:
        return None
    try:
        packed = base64.b64decode(text + "=" * (-len(text) % 4), b"._", validate=True)
        engine = zlib.decompressobj()
        raw = engine.decompress(packed, MAX_RAW)
        if not engine.eof or engine.unconsumed_tail or engine.unused_data:
            return None
        found = _Memory.model_validate_json(raw)
    except (binascii.Error, zlib.error, ValidationError):
        return None
    known = tuple(Known(**{**dict(item), "probe": _read_probe(item.probe)}) for item in found.findings)
    return Memory(found.head, dict(found.functions), known, dict(found.ignored))


def _read_probe(record: _Probe | None) -> Probe | None:
    """A witness as a model may write one. Those that we make ourselves are made anew: where others can write, none
    of them can come from us."""
    return Probe(**dict(record)) if record is not None and record.kind in ("test", "call") else None

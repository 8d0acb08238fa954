"""What the process that does tasks and the one that gives them say to each other: frames on pipes."""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import BinaryIO

MOST = 1 << 30
"""Bytes of one frame. Longer ones are a defect of ours, or somebody else's bytes."""
_HEAD = struct.Struct(">BIQ")


class Kind(enum.IntEnum):
    """What a frame is. The first five go to the process that works, the others come from it."""

    WORK = 1
    """`module:name` of the function."""
    SHARED = 2
    TASK = 3
    ANSWER = 4
    """Of the question of that number."""
    REFUSAL = 5
    """The question of that number is not answered: why, in UTF-8."""
    QUESTION = 6
    RESULT = 7
    FAILURE = 8
    """The task failed: why, in UTF-8."""


@dataclass(frozen=True)
class Frame:
    """One message."""

    kind: Kind
    number: int = 0
    """Of the question; 0 elsewhere."""
    data: bytes = b""


def write(stream: BinaryIO, frame: Frame) -> None:
    """Writes one and flushes. Raises OSError where nobody reads, ValueError for a frame that is too long."""
    if len(frame.data) > MOST:
        raise ValueError(f"{len(frame.data):,} bytes are too many for one message ({MOST:,})")
    stream.write(_HEAD.pack(frame.kind, frame.number, len(frame.data)))
    stream.write(frame.data)
    stream.flush()


def read(stream: BinaryIO) -> Frame | None:
    """Reads one; None at the end, also where the end comes in the middle of one, or what comes is none."""
    try:
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return None
        kind, number, length = _HEAD.unpack(head)
        data = stream.read(length) if length <= MOST else b""
        return Frame(Kind(kind), number, data) if len(data) == length else None
    except (OSError, ValueError):
        return None

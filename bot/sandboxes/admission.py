"""How many sandboxes may be open at once, and how many are worth having ahead: the two decisions of the pool."""

from __future__ import annotations

import contextlib
import math
import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bot.domain import Image, Limits

WINDOW = 120.0
"""Seconds for which an opening counts: as long as the longest search in a function, and its proof."""
REMEMBERED = 64
"""Openings that are remembered at most."""
OPEN_PER_CORE = 4
"""Sandboxes open at once, for each processor: one that waits for a model takes none."""


@dataclass(frozen=True)
class Capacity:
    """What the machine that runs sandboxes has."""

    cores: int
    memory_mb: int
    """0 where it is not known: then it bounds nothing."""

    def fits(self, memory_mb: int) -> bool:
        """Whether limits that add up to this promise no more memory than there is."""
        return not self.memory_mb or memory_mb <= self.memory_mb


@dataclass(frozen=True)
class Kind:
    """What a sandbox is bound to from its start on."""

    image: Image = field(compare=False)
    limits: Limits
    reference: str
    """The image's: how it came about makes no difference."""

    @classmethod
    def of(cls, image: Image, limits: Limits) -> Kind:
        """The kind of sandboxes of an image, hardened to limits."""
        return cls(image, limits, image.reference)


Wish = tuple[Kind, bytes | None]
"""A kind, and the archive that a sandbox is filled with; None: it holds nothing yet."""


class Gate:
    """Lets callers in by turns, as many at once as the machine carries.

    Whoever holds a sandbox already is let in at once: it would wait for what it holds itself.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._held: Counter[int] = Counter()
        self._open = 0
        self._memory = 0

    @property
    def memory_mb(self) -> int:
        """What is promised to those who are in."""
        return self._memory

    @contextlib.contextmanager
    def entered(self, memory_mb: int, capacity: Capacity) -> Iterator[None]:
        """Waits for its turn; in until the context is left."""
        who = threading.get_ident()
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while not self._held[who] and not self._turn(ticket, memory_mb, capacity):
                    self._changed.wait()
                self._count(who, 1, memory_mb)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._count(who, -1, -memory_mb)
                self._changed.notify_all()

    def _turn(self, ticket: object, memory_mb: int, capacity: Capacity) -> bool:
        if self._queue[0] is not ticket:
            return False
        most = OPEN_PER_CORE * capacity.cores
        return not self._open or (self._open < most and capacity.fits(self._memory + memory_mb))

    def _count(self, who: int, number: int, memory_mb: int) -> None:
        self._held[who] += number
        if not self._held[who]:
            del self._held[who]
        self._open += number
        self._memory += memory_mb


class Demand:
    """Who opened what of late, and so what is likely to be opened next. Not safe for threads by itself."""

    def __init__(self) -> None:
        self._taken: deque[tuple[float, Kind, bytes]] = deque(maxlen=REMEMBERED)

    def took(self, kind: Kind, tree: bytes, now: float) -> None:
        """A sandbox of this kind was opened with this tree."""
        self._taken.append((now, kind, tree))

    def forget(self, kind: Kind) -> None:
        """What was opened of this kind says nothing any more."""
        left = [row for row in self._taken if row[1] != kind]
        self._taken.clear()
        self._taken.extend(left)

    def wanted(self, now: float, start_seconds: float) -> Mapping[Wish, int]:
        """How many of each to have ahead.

        Nothing for what was asked for once. As many as are likely to be asked for while one is started.
        """
        while self._taken and now - self._taken[0][0] > WINDOW:
            self._taken.popleft()
        times: dict[Wish, list[float]] = {}
        for when, kind, tree in self._taken:
            times.setdefault((kind, tree), []).append(when)
        single: dict[Wish, list[float]] = {}
        for (kind, _), row in list(times.items()):
            if len(row) == 1:
                single.setdefault((kind, None), []).extend(row)
        found = {**times, **single}
        return {key: self._often(row, now, start_seconds) for key, row in found.items() if len(row) > 1}

    @staticmethod
    def _often(times: list[float], now: float, start_seconds: float) -> int:
        recent = sorted(times)[-8:]
        span = max(now - recent[0], 0.001)
        often = math.ceil((len(recent) - 1) / span * start_seconds)
        return max(1, min(often, len(recent) - 1))  # two at the same moment are no reason for more than one

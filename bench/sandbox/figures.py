"""Rounds of all ways in turns, and what comes of them: medians, ratios within a round, a table."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from bench.sandbox.meter import Meter, Reading
from bench.sandbox.ways import NotApplicable, Way

MEASURES = ("container per candidate", "subprocess per candidate")
"""The ways that others are held against."""
CALLED = ("calls in full", "calls by outcome")


@dataclass(frozen=True)
class Row:
    """One way with one kind of candidate in one round: figures of one execution."""

    subject: str
    way: str
    kind: str
    """`good` (all tests pass) or `bad` (it raises at once)."""
    workers: int
    round: int
    executions: int
    engine_ms: float
    """CPU; nan where the engine's share is not known."""
    container_ms: float
    client_ms: float
    wall_ms: float
    """Of the whole batch, by executions: with several workers less than one execution takes."""

    @property
    def cpu_ms(self) -> float:
        """CPU of engine and containers."""
        return self.container_ms + (0.0 if self.engine_ms != self.engine_ms else self.engine_ms)

    def told(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "engine_ms": None if self.engine_ms != self.engine_ms else self.engine_ms}


@dataclass(frozen=True)
class Spread:
    """A figure over rounds."""

    median: float
    least: float
    most: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Of one value at least."""
        return cls(statistics.median(values), min(values), max(values), len(values))

    def __str__(self) -> str:
        return f"{short(self.median)} ({short(self.least)} to {short(self.most)})"


def short(value: float) -> str:
    """Three digits or so."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def rounds(
    ways: Sequence[Way], meter: Meter, number: int, say: Callable[[str], None], seed: int = 0
) -> Iterator[Row]:
    """Enters all ways, runs each in every round, in an order that changes; a way that cannot serve is left out."""
    entered: list[Way] = []
    order = random.Random(seed)
    try:
        for way in ways:
            entered.append(way)
            way.__enter__()
            try:
                warmed(way)
            except NotApplicable as why:
                say(f"{way.subject.name}: {way.name} is left out: {why}")
                entered.pop().__exit__(None, None, None)
        for turn in range(number):
            order.shuffle(entered)
            for way in entered:
                for kind in ("good", "bad"):
                    yield measured(way, kind, turn, meter)
    finally:
        for way in entered:
            way.__exit__(None, None, None)


def warmed(way: Way) -> None:
    """Runs both kinds once, uncounted, and checks that the way runs what it says."""
    for kind in ("good", "bad"):
        checked(way, kind, way.run(getattr(way.subject, kind), 1))


def checked(way: Way, kind: str, passed: Sequence[int]) -> None:
    """Every test must pass with a good candidate and none with a bad one. Raises AssertionError."""
    if kind == "bad":
        right = not any(passed)
    else:
        right = all(passed) if way.name in CALLED else set(passed) == {len(way.subject.tests)}
    assert right, f"{way.subject.name}: {way.name}: {passed} passed with a {kind} candidate"


def measured(way: Way, kind: str, turn: int, meter: Meter) -> Row:
    """One batch."""
    before = meter.read()
    passed = way.run(getattr(way.subject, kind), way.batch)
    used = meter.read().since(before)
    checked(way, kind, passed)
    return row_of(way, kind, turn, used, len(passed))


def row_of(way: Way, kind: str, turn: int, used: Reading, executions: int) -> Row:
    """A batch as figures of one execution."""
    each = [1000 * part / executions for part in (used.engine, used.containers, used.client, used.wall)]
    return Row(way.subject.name, way.name, kind, way.workers, turn, executions, *each)


def ratios(rows: Sequence[Row], way: str, measure: str) -> list[float]:
    """How many times as much CPU the measure takes as the way, round by round. Rows of one subject and setting."""
    mine = {(row.kind, row.round): row.cpu_ms for row in rows if row.way == way}
    theirs = {(row.kind, row.round): row.cpu_ms for row in rows if row.way == measure}
    return [theirs[key] / mine[key] for key in sorted(mine.keys() & theirs.keys()) if mine[key] > 0]


def table(rows: Sequence[Row]) -> str:
    """One line for each way and kind, cheapest last, with the ratios to the measures."""
    lines = [
        "| | candidate | CPU-ms: median (least to most) | of which engine | wall ms | n |"
        + "".join(f" {measure}: times as much |" for measure in MEASURES),
        "|---|---|---|---|---|---|" + "---|" * len(MEASURES),
    ]
    for way in sorted({row.way for row in rows}, key=lambda name: -typical(rows, name)):
        for kind in ("good", "bad"):
            mine = [row for row in rows if row.way == way and row.kind == kind]
            if not mine:
                continue
            engine = [row.engine_ms for row in mine if row.engine_ms == row.engine_ms]
            cells = [
                way,
                kind,
                str(Spread.of([row.cpu_ms for row in mine])),
                short(statistics.median(engine)) if engine else "not known",
                str(Spread.of([row.wall_ms for row in mine])),
                f"{len(mine)} x {mine[0].executions}",
            ]
            alike = [row for row in rows if row.kind == kind]
            for measure in MEASURES:
                found = ratios(alike, way, measure) if way != measure else []
                cells.append(short(statistics.median(found)) if found else "-")
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def typical(rows: Sequence[Row], way: str) -> float:
    """The median of a way over everything."""
    return statistics.median(row.cpu_ms for row in rows if row.way == way)

"""What times say: ratios with intervals, growth, and when two versions of a function really differ.

Pure: samples in, `Measured` and decisions out. A version is only ever compared with another that was run beside
it, round by round, in one process; what the machine does in a round it does to both. A decision needs every one
of several fresh processes: the addresses of code and data, which differ from process to process, alone make equal
code differ by a few per cent, and within one process no interval shows that.

The bootstrap is thirty lines of our own: what is needed of it is one percentile interval of one median, with a
seed, and the libraries that have it bring an array library of a hundred megabytes along.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.kinds import Measured
from bot.wire_calls import Timing

LEAST_GAIN = 0.10
"""Smallest change of time that is told, as a share, where nobody set another."""
SURE = 0.3
"""Which part of that change the interval has to exclude."""
LEAST_PAIRS = 10
"""Rounds below which an interval is not to be believed."""
FEWEST_PAIRS = 5
"""Rounds that do where one version takes several times as long, and to read growth off."""
CLEAR = 3.0
"""How many times that is."""
CONFIDENCE = 0.99
RESAMPLES = 500
BLOCK = 3
"""Rounds that are drawn together: the machine's moods last longer than one."""

GROWTH = 0.5
"""Exponents that differ by less are not told apart."""
FIT = 0.97
"""Share of the variance of log time that log size must explain."""
FLAT = 0.08
"""Or how far, in nats, the points lie off the line at most: constant time has no variance to be explained."""
FITTED = 4
"""Largest sizes that growth is read off: at small ones the time is what every call costs."""
LEAST_POINTS = 4
LEAST_GROWN = 1.5
"""Ratio at the largest size below which another growth is of no account yet."""

WORTH = 20e-6
"""Seconds of a call below which nobody cares what it takes."""
LEAST_ADDED = 200e-6
"""Seconds of a call that a slowdown adds at least where it is told of data as tests have it: a check of what comes
in, a line of a log or a helper cost that much of anything, and are meant."""
WORTH_GROWN = 500e-6
"""Seconds of a call on data larger than any test's before a slowdown there is told."""
NEAR = 16
"""How many times as large as a test's such data may be: tests are small."""
DIFFER = "answers differ from one version or run to the next"
HELD = 3.0
"""How many times as long a call takes at every size, up to where that matters, before size is of no account."""
LEAST_HELD = 3
"""Sizes of which that has to be so."""
MEMORY_KB = 1024
"""Growth of peak memory that is told, where memory doubles as well."""
SLACK = 1e-6
"""Seconds that a rewrite may add to a call on a small input."""
TOLD_GAIN = 0.20
"""Share of time at the largest size that a rewrite which nobody asked for must save."""
TOLD_SECONDS = 1e-3
"""What the original takes there at least, where its growth stays the same."""
MUCH = 2.0
"""How many times slower a rewrite may not be."""
PRICE = 200e-6
"""Seconds of a call up to which a rewrite may be slower than that where it takes a weakness away: whoever looks at
what comes in takes time for it, and a quick function several times its own."""


@dataclass(frozen=True)
class Curve:
    """Two versions on one input at growing scales, in one process."""

    input: int
    """Its index among the inputs that were asked for."""
    points: tuple[Measured, ...]
    """Ascending by scale, only those at which both answered alike. One at least."""

    @property
    def first(self) -> Measured:
        """On the input as it was recorded, or the smallest scale that there is."""
        return self.points[0]

    @property
    def last(self) -> Measured:
        """At the largest scale."""
        return self.points[-1]

    @property
    def told(self) -> Measured:
        """The largest scale, with growth and sizes."""
        return self.at(self.last.scale)

    def at(self, scale: int) -> Measured:
        """One scale that there is, with growth and all sizes.

        How much faster one version grows than the other is read off their ratios: these were taken in turns, and
        a machine that is busier at one size than at the next is so for both.
        """
        sizes = tuple(size for point in self.points for size in point.sizes)
        old = exponent(sizes, [point.seconds_old for point in self.points])
        new = exponent(sizes, [point.seconds_new for point in self.points])
        apart = exponent(sizes, [point.ratio for point in self.points])
        if apart is not None and old is not None:
            new = old + apart
        elif apart is not None and new is not None:
            old = new - apart
        point = next(point for point in self.points if point.scale == scale)
        return replace(point, sizes=sizes, exponent_old=old, exponent_new=new)


@dataclass(frozen=True)
class Shown:
    """What the processes agree on."""

    rule: str
    """`growth`, `slower`, `more-queries` or `memory`."""
    measured: Measured
    input: int
    kind: str = ""
    """Rule `more-queries`: what is called more often: `sql`, `open`, `connect`, `process`."""


# ------------------------------------------------------------------------------------------------- statistics


def interval(logs: Sequence[float], seed: int = 0) -> tuple[float, float, float]:
    """(median, low, high) of paired log ratios: a circular block bootstrap of the median, 99%.

    Raises ValueError when there is none.
    """
    if not logs:
        raise ValueError("nothing was measured")
    rnd = random.Random(seed)  # noqa: S311
    count = len(logs)
    blocks = -(-count // BLOCK)
    circle = [*logs, *logs[: BLOCK - 1]]
    medians = sorted(
        statistics.median(
            [circle[at + step] for at in rnd.choices(range(count), k=blocks) for step in range(BLOCK)]
        )
        for _ in range(RESAMPLES)
    )
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return statistics.median(logs), medians[tail], medians[-1 - tail]


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float | None:
    """Empirical growth: the slope of log time over log size at the largest sizes; None where no line fits."""
    known = sorted(
        {size: time for size, time in zip(sizes, seconds, strict=False) if size > 0 and time > 0}.items()
    )
    rows = [(math.log(size), math.log(time)) for size, time in known[-FITTED:]]
    if len(rows) < LEAST_POINTS:
        return None
    mean_x, mean_y = (statistics.fmean(row[side] for row in rows) for side in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in rows)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in rows) / spread
    off = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in rows)
    variance = sum((y - mean_y) ** 2 for _, y in rows)
    fits = off <= (1 - FIT) * variance or math.sqrt(off / len(rows)) <= FLAT
    return slope if fits else None


def aligned(runs: Sequence[Curve]) -> list[Measured]:
    """What several processes say of one input at the largest scale that all of them reached; empty for none."""
    scales = set.intersection(*({point.scale for point in run.points} for run in runs)) if runs else set()
    return [run.at(max(scales)) for run in runs] if scales else []


# ------------------------------------------------------------------------------------------- what was measured


def alike(timing: Timing, old: int, new: int) -> bool:
    """Whether both versions returned, with equal results: only then are their times compared."""
    sides = (old, new)
    return (
        all(side < len(timing.how) and timing.how[side] == "returned" for side in sides)
        and max(sides) < len(timing.digests)
        and bool(timing.digests[old])
        and timing.digests[old] == timing.digests[new]
    )


def why_unlike(timing: Timing, old: int, new: int) -> str:
    """Why two versions are not compared on an input; '' where they are."""
    if alike(timing, old, new):
        return ""
    hows = {timing.how[side] for side in (old, new) if side < len(timing.how)}
    if "unusable" in hows:
        return "its arguments cannot be made again"
    if "endless" in hows:
        return "a version does not end"
    return "it raises" if hows == {"raised"} else DIFFER


def measured(timing: Timing, old: int = 0, new: int = 1, seed: int = 0) -> Measured | None:
    """One comparison; None where the answers are not alike, or too few rounds were made."""
    if not alike(timing, old, new) or max(old, new) >= len(timing.seconds):
        return None
    pairs = [
        (before, after)
        for before, after in zip(timing.seconds[old], timing.seconds[new], strict=False)
        if before > 0 and after > 0
    ]
    if len(pairs) < FEWEST_PAIRS:
        return None
    middle, low, high = interval([math.log(after / before) for before, after in pairs], seed)
    return Measured(
        ratio=math.exp(middle),
        low=math.exp(low),
        high=math.exp(high),
        pairs=len(pairs),
        seconds_old=statistics.median(before for before, _ in pairs),
        seconds_new=statistics.median(after for _, after in pairs),
        arguments=timing.arguments,
        scale=timing.scale,
        sizes=(timing.size,),
        memory_old_kb=entry(timing.memory_kb, old),
        memory_new_kb=entry(timing.memory_kb, new),
        events_old=events(timing, old),
        events_new=events(timing, new),
        inputs=1,
        repeats=1,
    )


def entry(numbers: Sequence[int], index: int) -> int:
    """One number, 0 where it was not given."""
    return numbers[index] if index < len(numbers) else 0


def events(timing: Timing, index: int) -> Mapping[str, int]:
    """What one version reached out for."""
    return dict(timing.events[index]) if index < len(timing.events) else {}


def curves(timings: Sequence[Timing], old: int = 0, new: int = 1, seed: int = 0) -> tuple[Curve, ...]:
    """The comparisons of one process by input; inputs on which nothing can be compared are left out."""
    rows: dict[int, dict[int, Measured]] = {}
    for timing in timings:
        point = measured(timing, old, new, seed)
        if point is not None:
            rows.setdefault(timing.input, {})[timing.scale] = point
    return tuple(
        Curve(index, tuple(points[scale] for scale in sorted(points))) for index, points in sorted(rows.items())
    )


def joined(runs: Sequence[Measured], inputs: int = 1) -> Measured:
    """Several processes' comparisons as one: the interval holds all of theirs. Raises ValueError for none."""
    if not runs:
        raise ValueError("nothing was measured")
    first = runs[0]
    return replace(
        first,
        ratio=math.exp(statistics.fmean(math.log(run.ratio) for run in runs)),
        low=min(run.low for run in runs),
        high=max(run.high for run in runs),
        pairs=sum(run.pairs for run in runs),
        seconds_old=statistics.fmean(run.seconds_old for run in runs),
        seconds_new=statistics.fmean(run.seconds_new for run in runs),
        exponent_old=mean([run.exponent_old for run in runs]),
        exponent_new=mean([run.exponent_new for run in runs]),
        memory_old_kb=max(run.memory_old_kb for run in runs),
        memory_new_kb=min(run.memory_new_kb for run in runs),
        inputs=inputs,
        repeats=sum(run.repeats for run in runs),
    )


def mean(numbers: Sequence[float | None]) -> float | None:
    """The mean; None where one is missing."""
    known = [number for number in numbers if number is not None]
    return statistics.fmean(known) if known and len(known) == len(numbers) else None


# -------------------------------------------------------------------------------------------------- decisions


def slower(runs: Sequence[Measured], least_gain: float = LEAST_GAIN) -> bool:
    """Whether the new version takes longer, in every process: an estimate beyond the margin, an interval beyond
    its inner part."""
    return bool(runs) and all(
        enough(run) and run.low > 1 + SURE * least_gain and run.ratio > 1 + least_gain for run in runs
    )


def faster(runs: Sequence[Measured], least_gain: float = LEAST_GAIN) -> bool:
    """The same the other way round: the old version is slower than the new."""
    return bool(runs) and all(
        enough(run) and run.high < 1 / (1 + SURE * least_gain) and run.ratio < 1 / (1 + least_gain) for run in runs
    )


def enough(run: Measured) -> bool:
    """Whether so many rounds were made that the interval means something."""
    least = LEAST_PAIRS if 1 / CLEAR < run.ratio < CLEAR else FEWEST_PAIRS
    return run.pairs >= least


def grows(runs: Sequence[Measured], least_gain: float = LEAST_GAIN) -> bool:
    """Whether the time of the new version grows faster with its input, in every process."""
    return slower(runs, least_gain) and all(
        run.exponent_old is not None
        and run.exponent_new is not None
        and run.exponent_new - run.exponent_old > GROWTH
        and run.ratio > LEAST_GROWN
        for run in runs
    )


def shrinks(runs: Sequence[Measured], least_gain: float = LEAST_GAIN) -> bool:
    """Whether the time of the new version grows slower with its input, in every process."""
    return faster(runs, least_gain) and all(
        run.exponent_old is not None
        and run.exponent_new is not None
        and run.exponent_old - run.exponent_new > GROWTH
        and run.ratio < 1 / LEAST_GROWN
        for run in runs
    )


def more_events(runs: Sequence[Curve]) -> str:
    """What the new version reaches out for the more often the larger its input is, where the old does not; ''."""
    kinds = sorted({kind for run in runs for kind in run.last.events_new})
    return next((kind for kind in kinds if all(per_element(run, kind) for run in runs)), "")


def per_element(run: Curve, kind: str) -> bool:
    """Whether so many more calls of a kind are made on larger inputs in the new version, and not in the old."""
    first, last = run.first, run.last
    before, after = first.events_new.get(kind, 0), last.events_new.get(kind, 0)
    same = first.events_old.get(kind, 0) == last.events_old.get(kind, 0)
    return same and after > before and after - last.events_old.get(kind, 0) >= 2


def more_memory(runs: Sequence[Curve]) -> list[Measured]:
    """The comparisons, on data like the tests' own, in which the new version's peak of memory is twice the old
    one's, a megabyte more; empty where a process shows less."""
    near = aligned([run for run in (up_to(run, NEAR) for run in runs) if run is not None])
    much = all(
        point.memory_old_kb > 0
        and point.memory_new_kb >= 2 * point.memory_old_kb
        and point.memory_new_kb - point.memory_old_kb > MEMORY_KB
        for point in near
    )
    return near if much and len(near) == len(runs) else []


def shown(processes: Sequence[Sequence[Curve]], least_gain: float = LEAST_GAIN) -> Shown | None:
    """The worst that all processes agree on; None where they agree on nothing that is worth telling.

    A version that is slower on one input and faster on another is a trade that somebody made: only growth, calls
    that reach out, and memory are told of it.
    """
    if not processes or not all(processes):
        return None
    common = set.intersection(*({curve.input for curve in process} for process in processes))
    found: list[Shown] = []
    for index in sorted(common):
        runs = tuple(next(curve for curve in process if curve.input == index) for process in processes)
        told = aligned(runs)
        if not told:
            continue
        if kind := more_events(runs):
            found.append(Shown("more-queries", joined([run.told for run in runs]), index, kind))
        if grows(told, least_gain) and all(point.seconds_new >= WORTH for point in told):
            found.append(Shown("growth", joined(told), index))
        elif not traded(processes, least_gain) and (points := constant(runs, least_gain)):
            found.append(Shown("slower", joined(points), index))
        # Memory that buys time is a trade as well.
        silent = not any(item.input == index for item in found)
        if silent and not traded(processes, least_gain) and (points := more_memory(runs)):
            found.append(Shown("memory", joined(points), index))
    order = ("more-queries", "growth", "slower", "memory")
    found.sort(key=lambda item: (order.index(item.rule), -item.measured.ratio, item.input))
    return replace(found[0], measured=replace(found[0].measured, inputs=len(common))) if found else None


def traded(processes: Sequence[Sequence[Curve]], least_gain: float) -> bool:
    """Whether the new version is the faster one on some input, at some scale, in any process, where it matters."""
    points = (point for process in processes for curve in process for point in curve.points)
    return any(point.seconds_old >= WORTH and faster([point], least_gain) for point in points)


def constant(runs: Sequence[Curve], least_gain: float) -> list[Measured] | None:
    """The comparisons that show a slowdown worth telling: on the recorded input, or on one not much larger.

    On data a hundred times as large everything takes long; that anybody has such data is not shown.
    """
    recorded = [run.first for run in runs]
    if slower(recorded, least_gain) and all(worth(point) for point in recorded):
        return recorded
    near = aligned([run for run in (up_to(run, NEAR) for run in runs) if run is not None])
    doubled = all(point.ratio >= MUCH and point.seconds_new >= WORTH_GROWN for point in near)
    if len(near) == len(runs) and doubled and slower(near, least_gain):
        return near
    return held(runs)


def held(runs: Sequence[Curve]) -> list[Measured] | None:
    """The comparisons at the largest scale of a slowdown that is large at every size, and not the less the larger
    it is: more data only makes it more."""
    if not all(len(run.points) >= LEAST_HELD and holds(run) for run in runs):
        return None
    told = aligned(runs)
    return told if told and all(p.low >= HELD and p.seconds_new >= WORTH_GROWN for p in told) else None


def holds(run: Curve) -> bool:
    """Whether the new version is much slower on the larger half of the sizes, and as much at the largest."""
    half = run.points[len(run.points) // 2 :]
    most = max(point.ratio for point in half)
    return all(enough(point) and point.low >= MUCH for point in half) and half[-1].ratio >= 0.7 * most


def up_to(run: Curve, scale: int) -> Curve | None:
    """The part of a curve up to a scale."""
    points = tuple(point for point in run.points if point.scale <= scale)
    return replace(run, points=points) if points else None


def worth(point: Measured) -> bool:
    """Whether what a call takes more is worth a reader's time."""
    return point.seconds_new - point.seconds_old >= LEAST_ADDED


def much_slower(runs: Sequence[Curve], least_gain: float = LEAST_GAIN, worth: float = WORTH) -> Measured | None:
    """One process's comparison on which a rewrite is so slow that it is refused; None where there is none.

    `runs` are the curves of one process: another growth, or twice the time where it matters, which it does from
    `worth` seconds of a call on.
    """
    for run in runs:
        if grows([run.told], least_gain) and run.last.seconds_new >= WORTH:
            return run.told
        for point in run.points:
            if enough(point) and point.low > MUCH and point.seconds_new >= worth:
                return point
    return None


def nowhere_slower(process: Sequence[Curve]) -> bool:
    """Whether no recorded input takes more than a tenth, and more than nothing, longer."""
    return not any(
        slower([curve.first], LEAST_GAIN) and curve.first.seconds_new - curve.first.seconds_old > SLACK
        for curve in process
    )


def worth_telling(processes: Sequence[Sequence[Curve]]) -> Measured | None:
    """The comparison for which a rewrite that nobody asked for is worth telling; None where it is not.

    Every process has to show the gain on one and the same input, and none may show that another pays for it.
    """
    if not processes or not all(process and nowhere_slower(process) for process in processes):
        return None
    common = set.intersection(*({curve.input for curve in process} for process in processes))
    found: list[Measured] = []
    for index in sorted(common):
        told = aligned([next(curve for curve in process if curve.input == index) for process in processes])
        saves = faster(told, LEAST_GAIN) and all(point.ratio <= 1 - TOLD_GAIN for point in told)
        if saves and (shrinks(told) or all(point.seconds_old >= TOLD_SECONDS for point in told)):
            found.append(joined(told, len(common)))
    return min(found, key=lambda point: point.ratio, default=None)


# ------------------------------------------------------------------------------------------------------ words


def timed(seconds: float) -> str:
    """A time for a reader: `12 us`, `3.4 ms`, `1.2 s`."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{rounded(seconds / size)} {unit}"
    return f"{rounded(seconds * 1e6)} us"


def rounded(number: float) -> str:
    """A number with as many digits as a reader can use: `0.31`, `1.3`, `42`."""
    if number >= 9.95:
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 2 else f"{number:.2f}"

"""Races versions of one function against each other, in sandboxes of their own, on recorded inputs that are grown.

A race is one process: a fresh sandbox, a fork server that holds the tests' modules, and every version timed there
round by round beside the others. What a race may decide is `bot.measuring`'s business; here is how it is run:
which inputs, how large, how long.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from bot import trial
from bot.domain import Call, Evidence, Function, SuiteRun, pace
from bot.languages import Language, Unparsable
from bot.measuring import DIFFER, LEAST_PAIRS, LEAST_POINTS, WORTH_GROWN, alike, why_unlike
from bot.wire_calls import Input, Timing

LARGEST = 3
"""Recorded inputs that are raced on: those that take longest, and a typical one beside them."""
LOOKED_AT = 10
"""Recorded inputs of which these are chosen: the largest half of them, and others."""
FIRST = 3
"""Scales that are tried before it is asked whether growth makes a difference at all."""
SHARE = 0.35
"""Of an input's time, for these."""
NOTHING = 1e-6
"""Seconds that a call may take more on larger inputs without going through them."""
FLAT = 0.3
"""Exponent of growth up to which it is not what was grown that takes the time."""
GROWN = 2
"""Of them: how many are grown."""
TARGET = 2000
"""Elements to which an input is grown: enough for growth to show, little enough for a square of it."""
STEPS = 5
"""Sizes on the way there, each twice the one before."""
LOOK = 0.4
"""Most seconds for the first look at one of a few inputs; on an idle machine it takes a tenth of them."""
LEAST_SECONDS = 1.0
"""For one input and what it is grown to."""
LONGEST = 20.0
"""Most seconds for one input, where its calls take long."""
SAMPLE = 3e-4
"""Seconds of a sample: what calls are repeated to."""
IDLE = 0.25
"""Share of a look that is spent on samples on an idle machine, carefully."""
WELL = 24
"""Rounds of a look that are well enough."""
FURTHER = 6
"""Doublings beyond where an input should be large enough: what counts as size may be mostly characters."""
DOUBTFUL = 1.25
"""How many times as long one version takes at least where such doublings are worth their time."""
CHEAP = 3e-3
"""Seconds of a call up to which they are."""
ENOUGH = 10.0
"""How many times as long one version takes where no larger input is needed to tell, once that is a time at all."""
APART = 1.5
"""Seconds for a version that is timed alone."""
TESTS = 6
"""Tests whose modules the fork server holds."""


@dataclass(frozen=True)
class Length:
    """How long a race takes."""

    seconds: float = 8.0
    """For all of its inputs and scales, starting the sandbox apart."""
    seed: int = 0
    process: int = 0
    """Which of several fresh processes it is: each hashes texts in another way."""
    grow: bool = True
    """Whether inputs are grown."""
    patience: float = 4.0
    """How many times as long it may take where the machine is so busy that few rounds fit into the time."""
    only: tuple[int, ...] = ()
    """Indices of the inputs that are raced on, where another race has chosen them."""


@dataclass(frozen=True)
class Raced:
    """What a race gave."""

    timings: tuple[Timing, ...] = ()
    why: str = ""
    """Why nothing was measured; empty where something was."""
    differs: bool = False
    """Whether the versions answer some input otherwise than each other."""

    @property
    def inputs(self) -> tuple[int, ...]:
        """Indices of the inputs that were raced on."""
        return tuple(sorted({timing.input for timing in self.timings}))


def inputs_of(*calls: Iterable[Call]) -> tuple[Input, ...]:
    """Recorded inputs to race on, the largest first; a typical one at the end."""
    known: dict[str, str] = {}
    for row in calls:
        for call in row:
            if call.pickled and not call.raised:
                known.setdefault(call.digest or call.pickled, call.pickled)
    return largest(tuple(known.values()))


def largest(pickled: Sequence[str]) -> tuple[Input, ...]:
    """The same out of arguments as they were recorded. A pickle's length stands for its size."""
    ranked = sorted(set(pickled), key=lambda text: (-len(text), text))
    large, rest = ranked[: LOOKED_AT // 2], ranked[LOOKED_AT // 2 :]
    others = [rest[place * len(rest) // LOOKED_AT * 2] for place in range(min(LOOKED_AT // 2, len(rest)))]
    return tuple(Input(pickled=text) for text in dict.fromkeys((*large, *others)))


def quickest(tests: Sequence[str], run: SuiteRun) -> tuple[str, ...]:
    """Some of the tests, green and quick ones first: they stand for the modules that they import."""
    results = run.by_id()
    good = [test for test in tests if test in results and results[test].outcome.good]
    return tuple(sorted(good, key=lambda test: (pace(results[test].seconds), test))[:TESTS])


def executing(function: Function, evidence: Evidence) -> tuple[str, ...]:
    """Quick green tests that execute the function at head."""
    return quickest(evidence.executing(function), evidence.head)


def fresh(
    lab: trial.Lab,
    side: trial.Side,
    place: trial.Place,
    tests: Sequence[str],
    versions: Sequence[trial.Version | None],
    inputs: Sequence[Input],
    length: Length,
) -> Raced:
    """One race in a fresh sandbox. Raises SandboxError when the engine fails."""
    if not inputs:
        return Raced(why="no call of it was recorded that could be made again")
    if not tests:
        return Raced(why="no passing test executes it")
    side = seeded(side, length.process)
    with lab.open(side) as box:
        stage = trial.Stage(lab, box, place, side)
        stage.start(tests)
        return race(stage, versions, inputs, length)


def seeded(side: trial.Side, process: int) -> trial.Side:
    """The revision with another hashing of texts: the order of a set is part of what makes code fast or slow."""
    return replace(side, plan=replace(side.plan, env={**side.plan.env, "PYTHONHASHSEED": str(process)}))


def race(
    stage: trial.Stage,
    versions: Sequence[trial.Version | None],
    inputs: Sequence[Input],
    length: Length,
    clock: Callable[[], float] = time.monotonic,
) -> Raced:
    """One race on a stage that has started: each input as it was recorded, then grown while that is cheap.

    A short look at every input comes first: how large it is, and whether versions answer it alike at all.
    """
    if not stage.warm:
        return Raced(why=stage.why_cold or "the function cannot be called apart from its tests")
    began = clock()
    looks: list[tuple[int, Timing]] = []
    whys: list[str] = []
    places = [place for place in range(len(inputs)) if place in (length.only or range(len(inputs)))]
    seconds = LOOK * min(1.0, (LARGEST + 1) / max(1, len(places)))
    for index in places:
        rows = asked(stage, versions, inputs[index], (1,), seconds, length.seed)
        if rows is None:
            return Raced(why="the function cannot be called apart from its tests")
        if not rows or (why := unlike(rows[0], len(versions))):
            whys.append(why if rows else "its arguments cannot be made again, or calls take too long")
        else:
            looks.append((index, rows[0]))
    timings: list[Timing] = []
    looks = chosen(looks)
    busy = max((strain(look) for _, look in looks), default=1.0)
    until = began + length.seconds * min(length.patience, max(1.0, busy))
    for done, (index, look) in enumerate(looks):
        # What takes longest comes first, and to grow it is worth the most.
        others = len(looks) - done - 1
        each = max(LEAST_SECONDS, (until - clock()) / (2 if others else 1))
        scales = (1, *ladder(look.size)) if length.grow and look.size > 0 and done < GROWN else (1,)
        seconds = seconds_for(look, each)
        measured = grown(stage, versions, inputs[index], scales, seconds, length.seed, clock)
        timings += [replace(row, input=index) for row in measured or (look,)]
    differs = any(why == DIFFER for why in whys)
    return Raced(tuple(timings), "" if timings else next(iter(whys), "no call of it was recorded"), differs)


def chosen(looks: Sequence[tuple[int, Timing]]) -> list[tuple[int, Timing]]:
    """The inputs that are raced on: those that take longest, and a typical one of the others."""
    ranked = sorted(looks, key=lambda look: -slowest(look[1]))
    rest = ranked[LARGEST:]
    return [*ranked[:LARGEST], *rest[len(rest) // 2 : len(rest) // 2 + 1]]


def flat(timings: Sequence[Timing]) -> bool:
    """Whether versions take about the same time whatever size an input is grown to: what was grown is not what
    they go through."""
    first, last = timings[0], timings[-1]
    grows: float = (last.scale / first.scale) ** FLAT
    return slowest(last) < slowest(first) * grows + NOTHING


def grown(
    stage: trial.Stage,
    versions: Sequence[trial.Version | None],
    input_: Input,
    scales: Sequence[int],
    seconds: float,
    seed: int,
    clock: Callable[[], float],
) -> list[Timing]:
    """Times on one input at scales. A scale that did not fit into its share of the time may fit into what the
    others left; it is not asked for where smaller ones say enough. Where growth makes no difference, collections
    within collections are what grows."""
    end = clock() + seconds
    deep = False
    rows = list(asked(stage, versions, input_, scales[:FIRST], SHARE * seconds, seed) or ())
    if len(rows) == FIRST and flat(rows):
        within = asked(stage, versions, input_, scales[1:], end - clock(), seed, deep=True)
        deep, rows = bool(within), [rows[0], *within] if within else rows
    if not deep and len(rows) == FIRST < len(scales):
        rows += asked(stage, versions, input_, scales[FIRST:], end - clock(), seed) or ()
    further = [scales[-1] * 2**power for power in range(1, FURTHER + 1)] if len(scales) > 1 else []
    for scale in (*scales[len(rows) :], *further):
        left = end - clock()
        if not rows or left < LEAST_SECONDS / 2 or unlike(rows[-1], len(versions)):
            break
        if len(rows) >= LEAST_POINTS and apart_by(rows[-1]) > ENOUGH and slowest(rows[-1]) > WORTH_GROWN:
            break
        if scale in further and (apart_by(rows[-1]) < DOUBTFUL or slowest(rows[-1]) > CHEAP):
            break
        more = asked(stage, versions, input_, (scale,), left, seed, deep=deep)
        if not more:
            break
        rows += more
    return rows


def slowest(timing: Timing) -> float:
    """Seconds of a call of the slowest version."""
    return max((statistics.median(row) for row in timing.seconds if row), default=0.0)


def apart_by(timing: Timing) -> float:
    """How many times as long the slowest version takes as the fastest."""
    medians = [statistics.median(row) for row in timing.seconds if row]
    return max(medians) / min(medians) if medians and min(medians) > 0 else 1.0


def strain(look: Timing) -> float:
    """How many times fewer rounds a look gave than it gives on an idle machine, roughly."""
    medians = [statistics.median(row) for row in look.seconds if row]
    rounds = min((len(row) for row in look.seconds if row), default=0)
    if not rounds or min(medians) <= 0:
        return 1.0
    round_ = sum(medians) * max(1.0, SAMPLE / min(medians))
    return min(WELL, LOOK * IDLE / round_) / rounds


def seconds_for(look: Timing, each: float) -> float:
    """Time for one input: longer than its share where calls take so long that it would not do for the recorded
    one, up to a bound."""
    round_ = sum(max(row) for row in look.seconds if row)
    return max(each, min(LONGEST, 3 * LEAST_PAIRS * round_))


def ladder(size: int) -> list[int]:
    """By how much an input of this size is grown: doubled again and again, and a small one first brought to where
    what every call costs does not hide growth any more."""
    first = max(2, round(TARGET / size / 2 ** (STEPS - 1)))
    scales = [first * 2**power for power in range(STEPS)]
    # Growth is read off four sizes at least.
    return [scale for index, scale in enumerate(scales) if index < LEAST_POINTS - 1 or scale * size <= 4 * TARGET]


def asked(
    stage: trial.Stage,
    versions: Sequence[trial.Version | None],
    input_: Input,
    scales: Sequence[int],
    seconds: float,
    seed: int,
    *,
    deep: bool = False,
) -> tuple[Timing, ...] | None:
    """Times on one input at scales. A scale at which a version is cut, since another takes so much less, is timed
    once more, version by version: nothing that the machine does makes a difference that large."""
    rows = stage.measure(versions, (input_,), scales=scales, seconds=seconds, seed=seed, deep=deep)
    if rows is None:
        return None
    out: list[Timing] = []
    for row in rows:
        if "endless" in row.how and "returned" in row.how:
            out.append(apart(stage, versions, input_, row, max(APART, seconds / 2), seed, deep=deep))
        else:
            out.append(row)
    return tuple(out)


def apart(
    stage: trial.Stage,
    versions: Sequence[trial.Version | None],
    input_: Input,
    row: Timing,
    seconds: float,
    seed: int,
    *,
    deep: bool = False,
) -> Timing:
    """The row with those versions timed alone that were cut; as it is where that gives nothing."""
    times, digests, hows = list(row.seconds), list(row.digests), list(row.how)
    memory, events = list(row.memory_kb), list(row.events)
    for index, how in enumerate(row.how):
        if how != "endless":
            continue
        one = (versions[index],)
        alone = stage.measure(one, (input_,), scales=(row.scale,), seconds=seconds, seed=seed, deep=deep)
        if not alone or not alone[0].seconds or not alone[0].how or alone[0].size != row.size:
            continue
        times[index], digests[index], hows[index] = alone[0].seconds[0], alone[0].digests[0], alone[0].how[0]
        if index < len(memory) and alone[0].memory_kb:
            memory[index] = alone[0].memory_kb[0]
        if index < len(events) and alone[0].events:
            events[index] = alone[0].events[0]
    return replace(
        row,
        seconds=tuple(times),
        digests=tuple(digests),
        how=tuple(hows),
        memory_kb=tuple(memory),
        events=tuple(events),
    )


def unlike(timing: Timing, versions: int) -> str:
    """Why no two of the versions can be compared on an input; ''."""
    pairs = [(one, other) for other in range(1, versions) for one in range(other)]
    if any(alike(timing, *pair) for pair in pairs):
        return ""
    return next((why for pair in pairs if (why := why_unlike(timing, *pair))), "")


# ---------------------------------------------------------------------------------------------------- versions


def base_version(
    language: Language, head_text: str, function: Function, base: Function, base_text: str
) -> trial.Version:
    """Base's text of a function where head's stands, with the imports of its file that head's no longer has.
    Raises Unparsable where it cannot stand there."""
    source = language.standing(base.source, function)
    words = set(re.findall(r"\w+", head_text))
    imports: tuple[str, ...] = ()
    if base_text:
        around = language.surroundings(base_text, base)
        imports = tuple(line for line in around.imports if not bound(line) & words)
    return trial.Version(source.replace("\r\n", "\n"), imports)


def bound(statement: str) -> set[str]:
    """Words that an import statement may bind: whoever executes it must not give any of them another meaning."""
    return set(re.findall(r"\w+", statement.rpartition("import ")[2])) - {"as"}


def text_at(side: trial.Side, language: Language, path: str) -> str:
    """A file of a revision; empty where it is not there or cannot be read."""
    try:
        return language.decode(side.files.read(path))
    except (KeyError, Unparsable):
        return ""

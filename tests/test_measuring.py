"""What times say: intervals, growth and decisions, on made samples: equal code under noise must come out equal."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from bot import measuring
from bot.kinds import Measured
from bot.wire_calls import Timing

ROUNDS = 40
Cost = Callable[[int], float]


class Machine:
    """A loaded machine: moods that last several rounds, spikes, and the bias that addresses give to a process."""

    def __init__(self, seed: int, jitter: float = 0.02, bias: float = 0.01) -> None:
        self.rnd = random.Random(seed)
        self.jitter = jitter
        self.bias = [math.exp(self.rnd.gauss(0, bias)) for _ in range(4)]

    def samples(self, seconds: Sequence[float], rounds: int = ROUNDS) -> tuple[tuple[float, ...], ...]:
        """Samples of versions that take so long, interleaved."""
        out: list[list[float]] = [[] for _ in seconds]
        mood = 0.0
        for _ in range(rounds):
            mood = 0.8 * mood + self.rnd.gauss(0, 0.05)
            for index, own in enumerate(seconds):
                spike = self.rnd.expovariate(1.0) if self.rnd.random() < 0.08 else 0.0
                noise = math.exp(mood + self.rnd.gauss(0, self.jitter)) + spike
                out[index].append(own * self.bias[index] * noise)
        return tuple(tuple(row) for row in out)

    def timings(
        self, old: Cost, new: Cost, sizes: Sequence[int] = (100, 200, 400, 800, 1600), **more: Any
    ) -> list[Timing]:
        """One input at growing scales."""
        return [
            Timing(
                input=more.get("input", 0),
                scale=size // sizes[0],
                size=size,
                arguments=f"{size} items",
                seconds=self.samples((old(size), new(size))),
                digests=("d", "d"),
                how=("returned", "returned"),
            )
            for size in sizes
        ]


def linear(size: int) -> float:
    return 1e-6 * size


def dear(size: int) -> float:
    """What costs enough on the tests' own data for a slowdown to matter there."""
    return 1e-5 * size


def quadratic(size: int) -> float:
    return 1e-6 * size + 2e-8 * size**2


def times(factor: float, cost: Cost = linear) -> Cost:
    return lambda size: factor * cost(size)


def decided(seed: int, old: Cost, new: Cost, **noise: float) -> measuring.Shown | None:
    """What two processes show of two versions."""
    machines = [Machine(1000 * seed + process, **noise) for process in (1, 2)]
    return measuring.shown([measuring.curves(m.timings(old, new), seed=seed) for m in machines], 0.10)


def point(ratio: float, width: float = 0.01, **more: Any) -> Measured:
    """A comparison written by hand."""
    given = {"seconds_old": 1e-3, "seconds_new": 1e-3 * ratio, "arguments": "x", "pairs": 40, "sizes": (100,)}
    return Measured(ratio=ratio, low=ratio - width, high=ratio + width, **{**given, **more})


# --------------------------------------------------------------------------------------------------- statistics


@pytest.mark.thorough
def test_the_interval_holds_the_true_ratio_and_is_equal_for_equal_seeds() -> None:
    rnd = random.Random(5)
    missed = 0
    for seed in range(200):
        logs = [math.log(1.2) + rnd.gauss(0, 0.05) for _ in range(ROUNDS)]
        middle, low, high = measuring.interval(logs, seed)
        assert low <= middle <= high
        assert (middle, low, high) == measuring.interval(logs, seed)
        missed += not low <= math.log(1.2) <= high
    assert missed <= 8  # 1% would be 2; a percentile interval of a median misses a little more often


def test_an_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was measured"):
        measuring.interval([])
    with pytest.raises(ValueError, match="nothing was measured"):
        measuring.joined([])


def test_growth_is_read_off_sizes_and_times() -> None:
    sizes = (100, 200, 400, 800, 1600)
    assert measuring.exponent(sizes, [1e-6 * n for n in sizes]) == pytest.approx(1.0)
    assert measuring.exponent(sizes, [1e-8 * n * n for n in sizes]) == pytest.approx(2.0)
    assert measuring.exponent(sizes, [3e-6] * 5) == pytest.approx(0.0)
    assert measuring.exponent(sizes[:3], [1e-6 * n for n in sizes[:3]]) is None
    assert measuring.exponent((100, 100, 100, 100), [1e-6] * 4) is None
    assert measuring.exponent(sizes, [1e-6, 9e-6, 1e-6, 9e-6, 1e-6]) is None
    assert measuring.exponent((0, 0, 0, 0), [1e-6] * 4) is None


# ------------------------------------------------------------------------------------------------- comparability


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"digests": ("a", "b")}, "differ"),
        ({"digests": ("", "")}, "differ"),
        ({"digests": ("a",)}, "differ"),
        ({"how": ("returned", "endless")}, "does not end"),
        ({"how": ("raised", "raised")}, "raises"),
        ({"how": ("unusable", "unusable")}, "cannot be made again"),
        ({"how": ()}, "differ"),
    ],
)
def test_only_equal_answers_are_compared(more: Mapping[str, Any], why: str) -> None:
    plain: dict[str, Any] = {"digests": ("d", "d"), "how": ("returned", "returned")}
    timing = Timing(0, 1, 10, "x", Machine(1).samples((1e-3, 2e-3)), **{**plain, **more})
    assert measuring.measured(timing) is None
    assert why in measuring.why_unlike(timing, 0, 1)


def test_few_rounds_say_nothing() -> None:
    samples = Machine(1).samples((1e-3, 2e-3), rounds=measuring.FEWEST_PAIRS - 1)
    assert measuring.measured(Timing(0, 1, 10, "x", samples, ("d", "d"), ("returned", "returned"))) is None
    zeros = ((0.0,) * 40, (1.0,) * 40)
    assert measuring.measured(Timing(0, 1, 10, "x", zeros, ("d", "d"), ("returned", "returned"))) is None
    assert measuring.measured(Timing(0, 1, 10, "x", (), ("d", "d"), ("returned", "returned"))) is None


# ------------------------------------------------------------------------------------------------------ decisions


@pytest.mark.thorough
@pytest.mark.parametrize(("cost", "noise"), [(linear, {}), (quadratic, {"jitter": 0.15, "bias": 0.02})])
def test_equal_code_is_never_told_apart(cost: Cost, noise: dict[str, float]) -> None:
    found = [seed for seed in range(60) if decided(seed, cost, cost, **noise) is not None]
    assert found == []


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        (dear, times(1.6, dear), "slower"),
        (linear, times(1.6), ""),
        (linear, times(4.0), "slower"),
        (linear, quadratic, "growth"),
        (lambda size: 5e-6, lambda size: 5e-6 + 1e-7 * size, "growth"),
    ],
)
def test_what_is_slower_is_found_under_noise(old: Cost, new: Cost, rule: str) -> None:
    found = [decided(seed, old, new) for seed in range(20)]
    assert [one.rule if one is not None else "" for one in found] == [rule] * 20
    for one in found:
        if one is None:
            continue
        assert one.measured.low > 1.03
        assert one.measured.repeats == 2


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (linear, times(1.05)),  # below the margin
        (linear, times(0.5)),  # better
        (times(0.01), times(0.018)),  # a microsecond: nobody cares
        (quadratic, linear),
        (lambda size: 4e-5 + linear(size), lambda size: 2e-5 + 1.5 * linear(size)),  # a trade
    ],
)
def test_what_is_not_worth_telling_is_not_told(old: Cost, new: Cost) -> None:
    assert [seed for seed in range(20) if decided(seed, old, new) is not None] == []


def test_a_constant_slowdown_counts_on_data_like_the_tests_own() -> None:
    def told(first: int) -> measuring.Shown | None:
        sizes = (2, *(2 * first * 2**n for n in range(5)))
        runs = [measuring.curves(Machine(n).timings(linear, times(3.0), sizes=sizes)) for n in (1, 2)]
        return measuring.shown(runs)

    assert told(200) is None  # 6 us as recorded; a ms only on 400 times the data
    sizes = (20, 40, 80, 160, 320)
    dear = [measuring.curves(Machine(n).timings(linear, times(3.0), sizes=sizes)) for n in (1, 2)]
    found = measuring.shown(dear)
    assert found is not None
    assert found.rule == "slower"


def test_faster_on_what_takes_no_time_is_no_trade() -> None:
    def run(small: float, large: float) -> tuple[measuring.Curve, ...]:
        points = (point(small, seconds_old=1e-6, seconds_new=small * 1e-6), point(large, scale=4))
        return (measuring.Curve(0, points),)

    found = measuring.shown([run(0.7, 9.0), run(0.7, 9.0)])
    assert found is not None
    assert found.measured.scale == 4
    other = (measuring.Curve(1, (point(0.7),)),)
    assert measuring.shown([run(0.7, 9.0) + other, run(0.7, 9.0) + other]) is None


def test_one_process_alone_decides_nothing() -> None:
    slow = measuring.curves(Machine(1).timings(dear, times(2.0, dear)))
    same = measuring.curves(Machine(2).timings(dear, dear))
    assert measuring.shown([slow, slow]) is not None
    assert measuring.shown([slow, same]) is None
    assert measuring.shown([slow, ()]) is None
    assert measuring.shown([]) is None


def test_decisions_ask_for_estimate_and_interval() -> None:
    assert measuring.slower([point(1.3), point(1.2)], 0.10)
    assert not measuring.slower([point(1.3), point(1.3, width=0.28)], 0.10)
    assert not measuring.slower([point(1.3), point(1.08)], 0.10)
    assert measuring.faster([point(0.7), point(0.8)], 0.10)
    assert not measuring.faster([point(0.7), point(0.95)], 0.10)
    assert not measuring.slower([], 0.10)
    assert not measuring.faster([], 0.10)
    assert not measuring.faster([point(1.3)], 0.10)


def test_few_rounds_do_where_the_difference_is_large() -> None:
    assert not measuring.slower([point(1.5, pairs=9)], 0.10)
    assert measuring.slower([point(4.0, pairs=5)], 0.10)
    assert not measuring.faster([point(0.7, pairs=9)], 0.10)
    assert measuring.faster([point(0.2, pairs=5)], 0.10)
    assert not measuring.slower([point(4.0, pairs=4)], 0.10)


def test_queries_that_grow_with_the_input_are_told_first() -> None:
    def run(new: Sequence[int], old: Sequence[int]) -> measuring.Curve:
        points = [
            point(3.0, scale=4**n, sizes=(4**n,), events_old={"sql": a}, events_new={"sql": b})
            for n, (a, b) in enumerate(zip(old, new, strict=True))
        ]
        return measuring.Curve(0, tuple(points))

    many = run((4, 13, 49), (1, 1, 1))
    found = measuring.shown([(many,), (many,)])
    assert found is not None
    assert (found.rule, found.kind) == ("more-queries", "sql")
    assert measuring.more_events((run((4, 13, 49), (4, 13, 49)),)) == ""
    assert measuring.more_events((run((2, 2, 2), (1, 1, 1)),)) == ""


def test_memory_is_told_when_it_doubles_and_is_much_on_data_like_the_tests_own() -> None:
    def run(old: int, new: int, ratio: float = 1.0, scale: int = 1) -> measuring.Curve:
        return measuring.Curve(0, (point(ratio, memory_old_kb=old, memory_new_kb=new, scale=scale),))

    assert measuring.more_memory((run(700, 2000), run(700, 2100)))
    assert not measuring.more_memory((run(700, 2000), run(700, 1200)))
    assert not measuring.more_memory((run(10, 100),))
    assert not measuring.more_memory((run(0, 9000),))
    assert not measuring.more_memory((run(700, 2000, scale=64), run(700, 2000, scale=64)))
    assert not measuring.more_memory(())
    found = measuring.shown([(run(700, 2000),), (run(700, 2000),)])
    assert found is not None
    assert found.rule == "memory"
    bought = (run(700, 2000, ratio=0.5),)
    assert measuring.shown([bought, bought]) is None


def test_processes_are_joined_with_the_widest_interval() -> None:
    one = point(1.2, exponent_old=1.0, exponent_new=2.0)
    both = measuring.joined([one, point(1.5)], inputs=3)
    assert (both.low, both.high) == (1.19, 1.51)
    assert 1.2 < both.ratio < 1.5
    assert (both.pairs, both.inputs) == (80, 3)
    assert both.exponent_old is None
    assert measuring.joined([one, one]).exponent_new == 2.0


def test_a_rewrite_that_grows_or_takes_twice_the_time_is_much_slower() -> None:
    assert measuring.much_slower(measuring.curves(Machine(1).timings(linear, quadratic))) is not None
    assert measuring.much_slower(measuring.curves(Machine(1).timings(linear, times(3.0)))) is not None
    assert measuring.much_slower(measuring.curves(Machine(1).timings(linear, times(1.5)))) is None
    assert measuring.much_slower(measuring.curves(Machine(1).timings(times(1e-3), times(3e-3)))) is None
    assert measuring.much_slower(()) is None


def test_a_guard_may_take_several_times_as_long_as_a_quick_function() -> None:
    rows = measuring.curves(Machine(1).timings(times(20e-3), times(60e-3)))
    assert measuring.much_slower(rows) is not None
    assert measuring.much_slower(rows, worth=1.0) is None
    grown = measuring.curves(Machine(1).timings(linear, quadratic))
    assert measuring.much_slower(grown, worth=1.0) is not None, "another growth is never the price"


def test_a_rewrite_that_nobody_asked_for_is_told_for_growth_or_for_time_that_matters() -> None:
    def worth(old: Cost, new: Cost) -> Measured | None:
        return measuring.worth_telling([measuring.curves(Machine(n).timings(old, new)) for n in (3, 4)])

    assert worth(quadratic, linear) is not None
    assert worth(linear, times(0.5)) is not None  # 1.6 ms at the largest size
    assert worth(times(0.1), times(0.05)) is None  # 160 us
    assert worth(linear, times(0.9)) is None
    assert worth(linear, lambda size: 4e-4 + 0.2 * linear(size)) is None  # small inputs pay for large ones
    assert worth(linear, linear) is None
    assert measuring.worth_telling(()) is None
    assert measuring.worth_telling([()]) is None


def test_a_gain_is_told_at_the_largest_size_that_every_process_reached() -> None:
    far = measuring.curves(Machine(3).timings(quadratic, linear))
    near = measuring.curves(Machine(4).timings(quadratic, linear, sizes=(100, 200, 400, 800)))
    told = measuring.worth_telling([far, near])
    assert told is not None
    assert (told.scale, told.repeats) == (8, 2)
    assert measuring.aligned([far[0], measuring.Curve(0, (point(1.0, scale=99),))]) == []
    assert measuring.aligned([]) == []

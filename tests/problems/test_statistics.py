"""The figures, against cases worked by hand and published values."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.problems import statistics
from bot.problems.statistics import Interval, detectable, difference, mcnemar, problems_needed, rate


def shares(*values: float) -> dict[str, float]:
    return {f"p{i}": value for i, value in enumerate(values)}


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [
        (0, 0, 1.0),
        (5, 0, 2 / 32),
        (6, 0, 2 / 64),
        (1, 1, 1.0),
        (8, 2, 2 * (1 + 10 + 45) / 1024),
        (2, 8, 2 * (1 + 10 + 45) / 1024),
        # Twice P(X <= 59) of Binomial(180, 1/2).
        (59, 121, 2 * sum(math.comb(180, k) for k in range(60)) / 2**180),
    ],
)
def test_mcnemar_is_the_exact_binomial_test(better: int, worse: int, p: float) -> None:
    assert mcnemar(better, worse) == pytest.approx(p, rel=1e-12)


def test_mcnemar_does_not_overflow() -> None:
    assert 0 < mcnemar(900, 1100) < 0.001


def test_the_sizes_that_the_literature_gives() -> None:
    # 15% discordant pairs, 80% power, two-sided 5%: eg-cfg.md, section 6.7.
    assert [problems_needed(effect, 0.15) for effect in (0.10, 0.05, 0.03)] == [118, 471, 1309]


def test_what_is_detectable_is_the_inverse_of_the_size() -> None:
    # 471 pairs of which 71 (15.07%) are discordant.
    deltas = [1.0] * 47 + [-1.0] * 24 + [0.0] * 400
    assert detectable(deltas) == pytest.approx(0.05, abs=0.0005)
    assert detectable([0.0] * 118) == pytest.approx(0.10, abs=0.0005)
    assert detectable([1.0]) == 1.0


def test_a_rate_has_the_bootstraps_interval() -> None:
    found = rate(shares(*[1.0] * 30 + [0.0] * 70), seed=1)
    assert found.value == pytest.approx(0.3)
    # Normal approximation: 0.3 +- 1.96 * sqrt(0.21 / 100) = 0.3 +- 0.0898.
    assert found.low == pytest.approx(0.2102, abs=0.012)
    assert found.high == pytest.approx(0.3898, abs=0.012)
    assert rate(shares(*[1.0] * 30 + [0.0] * 70), seed=1) == found


def test_nothing_right_of_n_is_no_certainty() -> None:
    # Clopper and Pearson for 0 of 10: 1 - 0.025^(1/10) = 0.3085.
    assert rate(shares(*[0.0] * 10), seed=1) == Interval(0.0, 0.0, pytest.approx(0.30850, abs=1e-5))
    assert rate(shares(*[1.0] * 10), seed=1) == Interval(1.0, pytest.approx(0.69150, abs=1e-5), 1.0)


def test_seeds_of_a_problem_make_no_interval_narrower() -> None:
    """Three seeds that agree within each problem tell no more than one."""
    once = rate(shares(*[1.0, 0.0] * 20), seed=3)
    thrice = rate({name: sum([value] * 3) / 3 for name, value in shares(*[1.0, 0.0] * 20).items()}, seed=3)
    assert once == thrice


def test_a_difference_is_paired() -> None:
    first, second = shares(*[1.0] * 12 + [0.0] * 28), shares(*[0.0] * 12 + [0.0] * 28)
    found = difference(first, second, seed=1)
    assert (found.interval.value, found.better, found.worse, found.problems) == (pytest.approx(0.3), 12, 0, 40)
    assert found.shown and found.interval.low > 0.15 and found.p == pytest.approx(2 / 2**12)
    # The same two rates on unpaired problems: many discordant pairs, no evidence.
    mixed = difference(shares(*[1.0, 0.0] * 20), shares(*[0.0, 1.0] * 20), seed=1)
    assert not mixed.shown and (mixed.better, mixed.worse) == (20, 20) and mixed.p == 1.0


def test_a_few_problems_show_nothing_however_clear_they_look() -> None:
    for count, shown in ((3, False), (5, False), (6, True)):
        found = difference(shares(*[1.0] * count), shares(*[0.0] * count), seed=1)
        assert found.shown is shown, count
    # A bootstrap alone would say that these four exclude 0.
    assert not difference(shares(1.0, 1.0, 0.5, 0.5), shares(0.0, 0.0, 0.0, 0.0), seed=1).shown


def test_no_difference_anywhere_is_no_proof_of_equality() -> None:
    found = difference(shares(*[1.0] * 20), shares(*[1.0] * 20), seed=1)
    # 1 - 0.025^(1/20) = 0.1684 may hide on either side.
    assert (found.interval.low, found.interval.high) == (
        pytest.approx(-0.16843, abs=1e-5),
        pytest.approx(0.16843, abs=1e-5),
    )
    assert not found.shown


def test_only_common_problems_are_paired_and_none_is_an_error() -> None:
    found = difference({"a": 1.0, "b": 0.0}, {"b": 0.0, "c": 1.0}, seed=1)
    assert (found.problems, found.interval.value) == (1, 0.0)
    with pytest.raises(ValueError, match="no problem is common"):
        difference({"a": 1.0}, {"b": 1.0}, seed=1)
    with pytest.raises(ValueError, match="no problems"):
        rate({}, seed=1)


@given(st.lists(st.sampled_from([0.0, 1 / 3, 0.5, 1.0]), min_size=1, max_size=30), st.integers(0, 5))
def test_a_figure_lies_in_its_interval(values: list[float], seed: int) -> None:
    found = rate(shares(*values), seed=seed, resamples=400)
    assert 0.0 <= found.low <= found.high <= 1.0
    assert found.low - 1e-9 <= found.value <= found.high + 1e-9 or len(set(values)) > 1
    paired = difference(shares(*values), shares(*reversed(values)), seed=seed, resamples=200)
    mirrored = difference(shares(*reversed(values)), shares(*values), seed=seed, resamples=200)
    assert paired.interval.value == pytest.approx(-mirrored.interval.value)
    assert (paired.p, paired.better) == (mirrored.p, mirrored.worse)


def test_coverage_of_the_bootstrap_is_what_it_says() -> None:
    """Of 150 samples of 60 problems with a true rate of 0.4, about 95% of the intervals hold it."""
    rng = statistics.random.Random(7)
    held = 0
    for turn in range(150):
        sample = shares(*[float(rng.random() < 0.4) for _ in range(60)])
        found = rate(sample, seed=turn, resamples=200)
        held += found.low <= 0.4 <= found.high
    assert 134 <= held <= 149

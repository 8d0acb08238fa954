"""Figures with their uncertainty: pass rates and paired differences, problems as the unit, standard library only.

Seeds of one problem are no independent observations: every interval resamples problems, not cells.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import NormalDist

RESAMPLES = 10_000
LEVEL = 0.95
POWER = 0.80
ASSUMED_DISCORDANT = 0.15
"""Share of problems on which two arms differ, where the data show none: as in pilot runs of published studies."""

Scores = Mapping[str, float]
"""Problem -> share of its seeds that succeeded, 0 to 1."""


@dataclass(frozen=True)
class Interval:
    """A figure with its confidence interval."""

    value: float
    low: float
    high: float

    def excludes(self, point: float) -> bool:
        """Whether a value lies outside."""
        return not self.low <= point <= self.high


@dataclass(frozen=True)
class Difference:
    """One arm against another over the problems that both have."""

    interval: Interval
    """Mean difference, first minus second."""
    better: int
    """Problems on which the first arm does better."""
    worse: int
    problems: int
    p: float
    """Two-sided exact probability of so uneven a split by chance (McNemar, exact)."""
    detectable: float
    """The smallest difference that this many problems would show with 80% power."""

    @property
    def shown(self) -> bool:
        """Whether the first is shown to be better: the interval and the exact test must both say so.

        A bootstrap of few problems is too sure of itself; the exact test is not.
        """
        return self.interval.low > 0 and self.p < 1 - LEVEL


def rate(scores: Scores, *, seed: int, resamples: int = RESAMPLES) -> Interval:
    """Mean over problems with a percentile bootstrap interval, clustered by problem (Efron and Tibshirani, 1993).

    Where every problem scores 0, or every one 1, resampling knows no doubt; the exact interval of Clopper and
    Pearson (1934) stands in. Raises ValueError without problems.
    """
    values = [scores[name] for name in sorted(scores)]
    if not values:
        raise ValueError("no problems")
    if set(values) == {0.0}:
        return Interval(0.0, 0.0, _unseen(len(values)))
    if set(values) == {1.0}:
        return Interval(1.0, 1.0 - _unseen(len(values)), 1.0)
    low, high = _bootstrap(values, seed, resamples)
    return Interval(_mean(values), low, high)


def difference(first: Scores, second: Scores, *, seed: int, resamples: int = RESAMPLES) -> Difference:
    """First minus second, paired by problem; problems that only one of them has are left out.

    Raises ValueError where they share none.
    """
    names = sorted(set(first) & set(second))
    if not names:
        raise ValueError("no problem is common to both")
    deltas = [first[name] - second[name] for name in names]
    better, worse = sum(d > 0 for d in deltas), sum(d < 0 for d in deltas)
    return Difference(
        _paired(deltas, seed, resamples), better, worse, len(names), mcnemar(better, worse), detectable(deltas)
    )


def mcnemar(better: int, worse: int) -> float:
    """Exact two-sided McNemar test: how likely so uneven a split of the discordant pairs is by chance.

    Twice the smaller tail of Binomial(better + worse, 1/2), at most 1 (McNemar 1947, exact form).
    """
    discordant = better + worse
    tail = sum(math.comb(discordant, k) for k in range(min(better, worse) + 1))
    return float(min(Fraction(1), Fraction(2 * tail, 2**discordant)))


def detectable(deltas: Sequence[float], *, power: float = POWER, level: float = LEVEL) -> float:
    """The smallest mean difference that a two-sided test on so many pairs finds with this power, at most 1.

    (z(level) + z(power)) * sqrt(mean square of the differences / n), the normal approximation; with one seed the
    mean square is the share of discordant pairs. Where no pair differs, 15% are assumed to.
    """
    square = _mean([d * d for d in deltas]) or ASSUMED_DISCORDANT
    return min(1.0, _z(level, power) * math.sqrt(square / len(deltas)))


def problems_needed(effect: float, discordant: float, *, power: float = POWER, level: float = LEVEL) -> int:
    """How many problems show a difference of `effect` when this share of pairs is discordant."""
    return math.ceil(_z(level, power) ** 2 * discordant / effect**2)


# ---------------------------------------------------------------------------------------------------- inside


def _z(level: float, power: float) -> float:
    normal = NormalDist()
    return normal.inv_cdf((1 + level) / 2) + normal.inv_cdf(power)


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _unseen(count: int) -> float:
    """Upper bound of a share of which none was seen in `count` draws (Clopper and Pearson, closed form)."""
    return float(1 - ((1 - LEVEL) / 2) ** (1 / count))


def _paired(deltas: Sequence[float], seed: int, resamples: int) -> Interval:
    """Mean of paired differences with its interval.

    Where all are equal, resampling knows no doubt: a share of problems as large as can hide behind `n` equal
    draws is taken to differ by 1 in the other direction, and where all are 0 in either.
    """
    value = _mean(deltas)
    if len(set(deltas)) > 1:
        low, high = _bootstrap(deltas, seed, resamples)
        return Interval(value, low, high)
    hidden = _unseen(len(deltas))
    low = (1 - hidden) * value - hidden
    high = (1 - hidden) * value + hidden
    return Interval(value, max(-1.0, low), min(1.0, high))


def _bootstrap(values: Sequence[float], seed: int, resamples: int) -> tuple[float, float]:
    """Percentile interval of the mean."""
    rng = random.Random(seed)  # noqa: S311
    count = len(values)
    means = sorted(math.fsum(rng.choices(values, k=count)) / count for _ in range(resamples))
    return _quantile(means, (1 - LEVEL) / 2), _quantile(means, (1 + LEVEL) / 2)


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Linear between the neighbours, as numpy's default (Hyndman and Fan's type 7)."""
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])

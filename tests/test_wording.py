"""Numbers in words: never without an interval, never absurd, whatever a stranger's result says was measured."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_proofs import ALTERED, ATTACK, CRASH, DIFFERENCES, FASTER, GROWTH, QUICKER, SLOWER
from sample_reviews import FINDING, VERDICT

from bot import wording
from bot.kinds import Measured

NUMBERS = st.floats(allow_nan=False) | st.sampled_from([0.0, -1e300, 1e300, 1e-300])


@pytest.mark.parametrize(
    ("ratio", "low", "high", "said"),
    [
        (2.43, 2.1, 2.8, "takes 2.4 times as long as base (99% interval: 2.1 to 2.8)"),
        (1.3, 1.22, 1.41, "takes 30% longer than base (99% interval: 22% to 41%)"),
        (1.02, 0.95, 1.07, "takes 2% longer than base (99% interval: -5% to 7%)"),
        (0.78, 0.75, 0.82, "takes 22% less time than base (99% interval: 18% to 25%)"),
        (0.31, 0.28, 0.34, "is 3.2 times as fast as base (99% interval: 2.9 to 3.6)"),
        (0.0008, 0.0007, 0.0009, "is 1,250 times as fast as base (99% interval: 1,111 to 1,429)"),
        (1.5, 1.31, 1.7, "takes 1.50 times as long as base (99% interval: 1.31 to 1.70)"),
    ],
)
def test_times_are_told_with_their_interval(ratio: float, low: float, high: float, said: str) -> None:
    measured = replace(GROWTH, ratio=ratio, low=low, high=high)
    assert wording.pace(measured, "base") == said


def test_a_ratio_in_a_table_has_its_interval() -> None:
    assert wording.ratio(GROWTH) == "9.6 (9.1 to 10.3)"
    assert wording.ratio(QUICKER) == "0.31 (0.28 to 0.34)"


@given(NUMBERS, NUMBERS, NUMBERS, NUMBERS, st.none() | NUMBERS, st.integers(0, 2**53))
def test_impossible_numbers_are_told_in_few_words(
    ratio: float, low: float, high: float, seconds: float, exponent: float | None, count: int
) -> None:
    measured = replace(
        GROWTH,
        ratio=ratio,
        low=low,
        high=high,
        seconds_old=seconds,
        exponent_old=exponent,
        memory_old_kb=count,
        sizes=(count,) * 50,
        events_new={f"e{n}": count for n in range(100)},
    )
    said = [
        wording.pace(measured, "base"),
        wording.ratio(measured),
        wording.method(measured),
        wording.grown(measured),
    ]
    said += [cell for row in wording.rows(measured) for cell in row]
    assert len(" ".join(said)) < 1500
    assert wording.factor(replace(SLOWER, witness=replace(SLOWER.witness, measured=measured))) >= 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 µs"),
        (8.5e-5, "85 µs"),
        (2.14e-3, "2.1 ms"),
        (0.0202, "20 ms"),
        (1.31, "1.3 s"),
        (1e300, "10000000 s"),
    ],
)
def test_durations(seconds: float, said: str) -> None:
    assert wording.duration(seconds) == said


def test_a_table_of_times_says_only_what_says_something() -> None:
    assert wording.rows(GROWTH) == [
        ("one call", "2.1 ms", "20 ms"),
        ("grows with the size n as", "n^1.0", "n^2.0"),
    ]
    bare = replace(GROWTH, exponent_old=None, exponent_new=None, memory_new_kb=2100)
    assert wording.rows(bare)[1:] == [("memory at most", "210 kB", "2.1 MB")]
    assert wording.rows(replace(bare, memory_new_kb=500))[1:] == []
    assert wording.rows(replace(GROWTH, exponent_old=None))[1] == (
        "grows with the size n as",
        "no clear law",
        "n^2.0",
    )
    assert ("SQL statements", "800", "1") in wording.rows(QUICKER)


@pytest.mark.parametrize(
    ("measured", "worth"),
    [(QUICKER, True), (GROWTH, True), (replace(QUICKER, ratio=0.95, low=0.88, high=1.0), False), (None, False)],
)
def test_a_rewrite_s_time_is_told_where_it_is_worth_it(measured: Measured | None, worth: bool) -> None:
    assert bool(wording.besides(replace(VERDICT, measured=measured))) is worth


@pytest.mark.parametrize(
    ("mutants", "noticed", "said"),
    [
        (0, 0, ""),
        (12, 6, ""),
        (12, 12, ""),
        (12, 5, "Weakly tested: the tests notice only 5 of 12 altered versions of these lines."),
        (3, 0, "Weakly tested: the tests notice none of 3 altered versions of these lines."),
    ],
)
def test_weak_tests_are_named_below_half(mutants: int, noticed: int, said: str) -> None:
    assert wording.weakly(replace(VERDICT, mutants=mutants, noticed=noticed)) == said


@given(st.text(), st.text())
def test_no_two_payloads_are_shown_alike(one: str, other: str) -> None:
    assert wording.exact(one).isprintable() or not one
    clean = "\\" not in one + other
    assert not clean or one == other or wording.exact(one) != wording.exact(other)


def test_what_shows_a_finding() -> None:
    said = [wording.shown_by(one) for one in (FINDING, CRASH, ATTACK, SLOWER)]
    assert said == [
        "2 tests, 2 of 2 runs",
        "a call, 2 of 2 runs",
        "an exploit, 2 of 2 runs",
        "40 pairs of calls, 2 of 2 processes",
    ]


def test_other_answers_come_undemanded_and_harmful_first() -> None:
    (report,) = ALTERED.functions
    crash, strange = (replace(DIFFERENCES[0], kind=kind) for kind in ("crash", "<b>"))
    review = replace(ALTERED, functions=(replace(report, differences=(strange, *DIFFERENCES, crash)),))
    assert [row.what for row in wording.altered(review)] == [
        *("crashes", "another answer", "accepts it", "otherwise", "refuses it")
    ]


def test_inputs_that_read_alike_are_told_once() -> None:
    (report,) = ALTERED.functions
    blanks = tuple(replace(DIFFERENCES[0], arguments=f"'{' ' * n}'") for n in (1, 2, 3))
    assert len(wording.altered(replace(ALTERED, functions=(replace(report, differences=blanks),)))) == 1


def test_times_compare_what_their_rule_says() -> None:
    assert wording.sides(SLOWER) == ("base", "head")
    assert wording.sides(FASTER) == ("head", "rewrite")
    assert wording.factor(FASTER) == pytest.approx(1 / 0.31)
    assert wording.factor(FINDING) == 1
    assert math.isfinite(wording.factor(SLOWER))

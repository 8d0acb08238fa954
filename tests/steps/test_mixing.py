"""The mathematics of guidance, against numbers worked out by hand and laws that hold for all numbers."""

from __future__ import annotations

import math
from math import log

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.steps.propose.mixing import guided, line_score, mix

A, B, C, D, Z = range(5)
WIDE = 1e9
"""A clip that clips nothing."""


def probabilities(mixed: tuple[tuple[int, float], ...]) -> dict[int, float]:
    return {token: math.exp(logprob) for token, logprob in mixed}


# ------------------------------------------------------------------------------------------- by hand, to 1e-6

PLAIN = [(A, log(0.5)), (B, log(0.3)), (C, log(0.2))]
LED = [(B, log(0.6)), (A, log(0.2)), (C, log(0.2))]


def test_between_the_two_probabilities_are_mixed_geometrically() -> None:
    # sqrt(.5*.2), sqrt(.3*.6), sqrt(.2*.2) = .31622777, .42426407, .2; their sum is .94049184
    assert probabilities(mix(PLAIN, LED, gamma=0.5, clip=1.0)) == pytest.approx(
        {B: 0.42426407 / 0.94049184, A: 0.31622777 / 0.94049184, C: 0.2 / 0.94049184}, abs=1e-6
    )


def test_beyond_the_signals_difference_is_added_again() -> None:
    # .2*(.2/.5), .6*(.6/.3), .2*(.2/.2) = .08, 1.2, .2; their sum is 1.48
    assert probabilities(mix(PLAIN, LED, gamma=2, clip=WIDE)) == pytest.approx(
        {B: 1.2 / 1.48, C: 0.2 / 1.48, A: 0.08 / 1.48}, abs=1e-6
    )


def test_only_what_is_added_beyond_is_clipped() -> None:
    # clip log 1.5: the factors .4, 2, 1 become 1/1.5, 1.5, 1: .2/1.5, .9, .2 = .13333333, .9, .2; sum 1.23333333
    assert probabilities(mix(PLAIN, LED, gamma=2, clip=log(1.5))) == pytest.approx(
        {B: 0.9 / 1.23333333, C: 0.2 / 1.23333333, A: 0.13333333 / 1.23333333}, abs=1e-6
    )
    assert mix(PLAIN, LED, gamma=1, clip=0.0) == mix(PLAIN, LED, gamma=1, clip=WIDE)
    assert mix(PLAIN, LED, gamma=0.5, clip=0.0) == mix(PLAIN, LED, gamma=0.5, clip=WIDE)


def test_a_token_missing_from_one_list_has_that_lists_floor() -> None:
    # Union A, B, Z. Plain .6, .3 and Z at the floor .3, over 1.2: .5, .25, .25.
    # With the signal Z .7, A .2 and B at the floor .2, over 1.1. At gamma 1 exactly that.
    plain, led = [(A, log(0.6)), (B, log(0.3))], [(Z, log(0.7)), (A, log(0.2))]
    assert probabilities(mix(plain, led, gamma=1, clip=4.0)) == pytest.approx(
        {Z: 0.7 / 1.1, A: 0.2 / 1.1, B: 0.2 / 1.1}, abs=1e-6
    )
    assert probabilities(mix(plain, led, gamma=0, clip=4.0)) == pytest.approx({A: 0.5, B: 0.25, Z: 0.25}, abs=1e-6)
    # gamma 2: Z .63636364^2/.25 = 1.61983471, A .18181818^2/.5 = .06611570, B .18181818^2/.25 = .13223140
    assert probabilities(mix(plain, led, gamma=2, clip=WIDE)) == pytest.approx(
        {Z: 1.61983471 / 1.81818181, B: 0.13223140 / 1.81818181, A: 0.06611570 / 1.81818181}, abs=1e-6
    )


def test_a_token_that_only_the_signal_makes_likely_can_win() -> None:
    # With probabilities of the likeliest five and nothing for the rest, Z (.9 with the signal) got nothing at any
    # gamma, and at gamma 3 the winner was D, which neither prediction ranks first.
    plain = [(A, log(0.5)), (B, log(0.2)), (C, log(0.15)), (5, log(0.1)), (D, log(0.01))]
    led = [(Z, log(0.9)), (A, log(0.03)), (D, log(0.03)), (B, log(0.02)), (C, log(0.01))]
    lost = {
        token: math.exp(value) * (math.exp(dict(led)[token] - value)) ** 3
        for token, value in plain
        if token in dict(led)
    }
    assert max(lost, key=lambda token: lost[token]) == D
    for gamma in (1, 1.5, 3):
        assert mix(plain, led, gamma=gamma, clip=4.0)[0][0] == Z
    assert mix(plain, led, gamma=0, clip=4.0)[0][0] == A


def test_ties_go_by_id() -> None:
    flat = [(7, log(0.25)), (3, log(0.25)), (5, log(0.5))]
    assert [token for token, _ in mix(flat, flat, gamma=1.5, clip=4)] == [5, 3, 7]


def test_a_lines_score_worked_out_by_hand() -> None:
    # gamma .5: (-6 - 2) / 2 = -4; over 4 ** .7 = 2.63901582; plus 2 * .25
    rules = {"clip": 1.0, "weight": 2.0}
    assert line_score(-6.0, -2.0, 4, 0.25, gamma=0.5, **rules) == pytest.approx(-4 / 2.63901582 + 0.5, abs=1e-6)
    # gamma 3: -2 + 2 * min(4, 1 * 4) = 6; with half the tokens the clip is 2: -2 + 2 * 2 = 2, over 2 ** .7
    assert line_score(-6.0, -2.0, 4, 0.0, gamma=3, **rules) == pytest.approx(6 / 2.63901582, abs=1e-6)
    assert line_score(-6.0, -2.0, 2, 0.0, gamma=3, **rules) == pytest.approx(2 / 1.62450479, abs=1e-6)
    assert line_score(-6.0, -2.0, 4, 0.0, gamma=0, **rules, length_power=1.0) == -1.5
    assert line_score(0.0, 0.0, 0, 1.0, gamma=1.5, **rules) == 2.0


def test_what_is_no_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="tokens with finite"):
        mix([], LED, gamma=1, clip=1)
    with pytest.raises(ValueError, match="tokens with finite"):
        mix(PLAIN, [(A, -math.inf)], gamma=1, clip=1)
    with pytest.raises(ValueError, match="negative"):
        mix(PLAIN, LED, gamma=-0.1, clip=1)
    with pytest.raises(ValueError, match="negative"):
        line_score(-1, -1, 1, 0, gamma=1, clip=-1, weight=1)


# ----------------------------------------------------------------------------------------------------- laws

lists = st.dictionaries(st.integers(0, 30), st.floats(-50, 0), min_size=1, max_size=20).map(
    lambda table: list(table.items())
)
gammas = st.floats(0, 10)
clips = st.floats(0, 100)


def over(ranked: list[tuple[int, float]], union: set[int]) -> dict[int, float]:
    """A list over a union, as the rules say, without the code under test."""
    table, floor = dict(ranked), min(value for _, value in ranked)
    total = sum(math.exp(table.get(token, floor)) for token in union)
    return {token: table.get(token, floor) - log(total) for token in union}


@given(lists, lists, gammas, clips)
def test_a_mix_is_a_distribution_over_the_union(plain, led, gamma, clip) -> None:
    mixed = mix(plain, led, gamma=gamma, clip=clip)
    assert math.isclose(sum(math.exp(value) for _, value in mixed), 1.0, abs_tol=1e-9)
    assert sorted(token for token, _ in mixed) == sorted({*dict(plain), *dict(led)})
    assert list(mixed) == sorted(mixed, key=lambda item: (-item[1], item[0]))


@given(lists, lists, clips)
def test_gamma_0_is_plain_and_gamma_1_conditional(plain, led, clip) -> None:
    union = {*dict(plain), *dict(led)}
    assert dict(mix(plain, led, gamma=0, clip=clip)) == pytest.approx(over(plain, union), abs=1e-9)
    assert dict(mix(plain, led, gamma=1, clip=clip)) == pytest.approx(over(led, union), abs=1e-9)


@given(lists, lists, clips)
def test_nothing_jumps_at_gamma_1(plain, led, clip) -> None:
    below, above = (dict(mix(plain, led, gamma=gamma, clip=clip)) for gamma in (1 - 1e-9, 1 + 1e-9))
    assert below == pytest.approx(above, abs=1e-5)


@given(lists, gammas, clips)
def test_a_signal_that_changes_nothing_sways_nothing(plain, gamma, clip) -> None:
    assert dict(mix(plain, plain, gamma=gamma, clip=clip)) == pytest.approx(
        over(plain, set(dict(plain))), abs=1e-9
    )


@given(lists, lists, gammas, clips, st.randoms())
def test_the_order_of_the_lists_does_not_matter(plain, led, gamma, clip, chance) -> None:
    mixed = dict(mix(plain, led, gamma=gamma, clip=clip))
    chance.shuffle(plain)
    chance.shuffle(led)
    assert dict(mix(plain, led, gamma=gamma, clip=clip)) == pytest.approx(mixed, abs=1e-9)


@example(plain=-5e-324, conditional=-5e-324, clip=0.0)
@given(st.floats(-100, 0), st.floats(-100, 0), clips)
def test_guided_is_exact_at_0_and_1_and_bounded_beyond(plain, conditional, clip) -> None:
    assert guided(plain, conditional, gamma=0, clip=clip) == plain
    assert guided(plain, conditional, gamma=1, clip=clip) == conditional
    assert min(plain, conditional) <= guided(plain, conditional, gamma=0.5, clip=clip) <= max(plain, conditional)
    assert abs(guided(plain, conditional, gamma=3, clip=clip) - conditional) <= 2 * clip + 1e-9

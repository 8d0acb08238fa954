"""Choosing: what a passing version's answers say of it, beside base's and head's, and how rivals vote."""

from __future__ import annotations

import pytest

from bot import wire
from bot.steps.propose.choosing import Merit, Played, merit


def answers(digests: str, how: str = "returned") -> tuple[wire.Replayed, ...]:
    """One answer a letter; `!` raises."""
    return tuple(wire.Replayed("raised" if d == "!" else how, d, d) for d in digests)


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        ("aabb", Merit(1.0, 0.0, 0.0, 4, 2)),  # answers as base does everywhere
        ("aacc", Merit(0.0, 0.0, 0.0, 4, 2)),  # leaves head's answers as they are
        ("aadd", Merit(0.0, 0.0, 1.0, 4, 2)),  # answers as neither does
        ("adbb", Merit(1.0, 0.5, 0.0, 4, 2)),  # alters what both agree on
    ],
)
def test_a_version_is_measured_by_base_and_head(candidate: str, expected: Merit) -> None:
    assert merit(answers("aabb"), answers("aacc"), answers(candidate), 4) == expected


def test_a_derived_input_that_base_refuses_says_nothing_and_a_recorded_one_does() -> None:
    assert merit(answers("a!"), answers("ab"), answers("ac"), 2).inputs == 1
    assert merit(answers("!!"), answers("bb"), answers("!!"), 1).inputs == 2


def test_versions_that_answer_alike_vote_together() -> None:
    played = Played(answers("aa"), (answers("ab"), answers("ab"), answers("ac")))
    one, other, third = played.shares([-1.0, -1.0, -1.0])
    assert (one, other, third) == pytest.approx((2 / 3, 2 / 3, 1 / 3))
    assert played.rival([0, 1, 2]) == "passing versions differ on other inputs: b or c"


def test_without_inputs_there_is_nothing_to_disagree_on() -> None:
    played = Played(None, (None, None))
    assert played.shares([-1.0, -9.0]) == [1.0, 1.0]
    assert played.rival([0, 1]) == ""

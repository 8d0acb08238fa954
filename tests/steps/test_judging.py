"""Judging: whether base's own version of a function heals the tests that a rewrite of it is to heal."""

from __future__ import annotations

import pytest

from bot import wire
from bot.domain import Outcome
from bot.steps.propose.judging import Guide, Judge, Settings


def reply(outcome: Outcome, message: str) -> wire.TrialReply:
    """One failing test's reply."""
    row = wire.Row("t.py::test_a", outcome, message, "AssertionError" if message else "", 3, 0.1, 5, 2)
    return wire.TrialReply("ran", (row,), 5, (), (), "", 0, 0.1)


@pytest.mark.parametrize(
    ("base", "alike"),
    [
        (reply(Outcome.FAILED, "1 == 2"), True),
        (reply(Outcome.FAILED, "7 == 2"), False),
        (reply(Outcome.PASSED, ""), False),
        (wire.TrialReply("crashed", (), 0, (), (), "", 0, 0.1), False),
    ],
    ids=["fails-in-the-same-words", "fails-otherwise", "heals", "says-nothing"],
)
def test_a_base_that_fails_in_the_same_words_is_not_where_the_cause_lies(
    base: wire.TrialReply, alike: bool
) -> None:
    guide = Guide(failing=("t.py::test_a",), passing=(), rest=())
    judge = Judge.__new__(Judge)
    judge.guide, judge.settings = guide, Settings()
    assert judge.alike(reply(Outcome.FAILED, "1 == 2"), base) is alike

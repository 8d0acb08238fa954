"""Judging: whether base's own version of a function heals the tests that a rewrite of it is to heal."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import pytest

from bot import trial, wire
from bot.domain import Outcome, Status
from bot.steps.propose.judging import Guide, Judge, OutOfBudget, Settings


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


class Slow:
    """A stage on which every version takes ten seconds of the clock; it knows whether it was told to stop."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran = 0
        self.stopped = False

    def preview(
        self, versions: Sequence[trial.Version], course: trial.Course
    ) -> Generator[tuple[int, wire.TrialReply], None, None]:
        try:
            for index in reversed(range(len(versions))):
                self.now += 10
                self.ran += 1
                yield index, reply(Outcome.PASSED, "")
        except GeneratorExit:
            self.stopped = True
            raise


def test_a_batch_ends_with_the_time_of_the_search_and_what_it_found_counts() -> None:
    stage = Slow()
    judge = Judge(stage, Guide(("t.py::test_a",), (), ()), Settings(seconds=35), lambda: stage.now)  # type: ignore[arg-type]
    results = judge.judge([trial.Version(str(number)) for number in range(6)])
    assert [result.status for result in results] == [Status.BROKEN] * 2 + [Status.PASSED] * 4
    assert stage.ran == 4 and stage.stopped
    assert "time" in results[0].message
    with pytest.raises(OutOfBudget):
        judge.judge([trial.Version("x")])


def test_a_batch_within_the_time_is_run_to_its_end() -> None:
    stage = Slow()
    judge = Judge(stage, Guide(("t.py::test_a",), (), ()), Settings(seconds=95), lambda: stage.now)  # type: ignore[arg-type]
    results = judge.judge([trial.Version(str(number)) for number in range(6)])
    assert {result.status for result in results} == {Status.PASSED}
    assert stage.ran == 6 and not stage.stopped

"""Which task is begun where, and when one is given up."""

from __future__ import annotations

import pytest

from bot.executors import Task
from bot.executors.agenda import FAILURES, LOSSES, Agenda, Attempt

A, B, C = (Task(key, b"") for key in "abc")


def begun(agenda: Agenda, place: str, **how: object) -> Attempt:
    attempt = agenda.begin(place, **how)  # type: ignore[arg-type]
    assert attempt is not None
    return attempt


def test_tasks_are_begun_in_their_order_and_each_ends_once() -> None:
    agenda = Agenda([A, B])
    first, second = begun(agenda, "x"), begun(agenda, "y")
    assert (first.task, second.task) == (A, B)
    assert agenda.begin("x") is None
    assert agenda.open
    assert agenda.done(second, b"r", "worker 2", 1.5).result == b"r"
    assert agenda.open
    assert agenda.done(first, b"", "worker 1", 0.5).attempts == 1
    assert not agenda.open


def test_two_tasks_of_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="one key"):
        Agenda([A, Task("a", b"other")])


def test_a_task_that_fails_is_begun_again_before_new_ones_then_given_up_with_the_reason() -> None:
    agenda = Agenda([A, B])
    assert agenda.failed(begun(agenda, "x"), "x", "no", "worker 1") is None
    again = begun(agenda, "x")
    assert (again.task, again.number) == (A, 2)
    done = agenda.failed(again, "x", "still no", "worker 1", 2.0)
    assert done is not None
    assert (done.problem, done.attempts, done.seconds) == ("still no", FAILURES, 2.0)
    assert begun(agenda, "x").task == B


def test_what_failed_in_one_place_is_tried_in_another_where_there_is_one() -> None:
    agenda = Agenda([A, B])
    agenda.failed(begun(agenda, "x"), "x", "no", "")
    assert begun(agenda, "x", others=["x", "y"]).task == B
    assert begun(agenda, "y", others=["x", "y"]).task == A


def test_what_went_wrong_everywhere_is_tried_anywhere() -> None:
    agenda = Agenda([A])
    agenda.lost(begun(agenda, "x"), "x", "gone", "")
    agenda.lost(begun(agenda, "y", others=["x", "y"]), "y", "gone", "")
    assert begun(agenda, "x", others=["x", "y"]).number == LOSSES


def test_a_task_whose_worker_was_lost_waits_until_it_is_alone_and_lets_others_by() -> None:
    agenda = Agenda([A, B, C])
    agenda.lost(begun(agenda, "x"), "x", "gone", "")
    assert agenda.awaits("y", ["y"])
    assert begun(agenda, "y", idle=False).task == B
    assert agenda.begin("y", idle=False, fresh=False) is None
    suspect = begun(agenda, "y", fresh=False)
    assert suspect.task == A
    assert suspect.suspect
    assert not agenda.awaits("y", ["y"])


def test_a_task_waits_nowhere_where_it_would_not_be_begun() -> None:
    agenda = Agenda([A])
    agenda.lost(begun(agenda, "x"), "x", "gone", "")
    assert not agenda.awaits("x", ["x", "y"])
    assert agenda.awaits("y", ["x", "y"])


def test_a_task_that_loses_its_workers_is_given_up() -> None:
    agenda = Agenda([A, B])
    for number in range(1, LOSSES):
        assert agenda.lost(begun(agenda, str(number)), str(number), "gone", "") is None
    done = agenda.lost(begun(agenda, "z"), "z", "gone for good", "worker 9")
    assert done is not None
    assert (done.task, done.problem, done.attempts) == (A, "gone for good", LOSSES)


def test_what_could_not_be_sent_is_no_attempt() -> None:
    agenda = Agenda([A])
    agenda.unbegun(begun(agenda, "x"))
    assert begun(agenda, "x", others=["x", "y"]).number == 1

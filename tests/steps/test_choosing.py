"""Choosing: what a passing version's answers say of it, beside base's and head's, and how rivals vote."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bot import wire
from bot.domain import Category, ChangedFunction, Finding, Function, Severity, Witness
from bot.languages.python.language import Python
from bot.steps.propose.choosing import Merit, Played, Referee, loyalty, merit, reference_for
from bot.steps.propose.judging import NOTHING, State


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


def test_a_version_that_mends_the_shown_input_alone_leaves_the_others_broken() -> None:
    def crashes(letters: str) -> tuple[wire.Replayed, ...]:
        return tuple(
            wire.Replayed("raised", "!", "x raises KeyError") if d == "!" else wire.Replayed("returned", d, d)
            for d in letters
        )

    base, head = crashes("abcd"), crashes("a!!!")
    assert merit(base, head, crashes("ab!!"), 1, "KeyError").left == pytest.approx(2 / 3)
    assert merit(base, head, crashes("abcx"), 1, "KeyError").left == 0.0
    assert merit(base, head, crashes("ab!!"), 1, "Error").left == 0.0, "another exception may be meant"
    assert merit(base, head, crashes("ab!!"), 1).left == 0.0


def test_versions_that_answer_alike_vote_together() -> None:
    played = Played(answers("aa"), (answers("ab"), answers("ab"), answers("ac")))
    one, other, third = played.shares([-1.0, -1.0, -1.0])
    assert (one, other, third) == pytest.approx((2 / 3, 2 / 3, 1 / 3))
    assert played.rival([0, 1, 2]) == "passing versions differ on other inputs: b or c"


def test_without_inputs_there_is_nothing_to_disagree_on() -> None:
    played = Played(None, (None, None))
    assert played.shares([-1.0, -9.0]) == [1.0, 1.0]
    assert played.rival([0, 1]) == ""


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        ("abcd", Merit(inputs=4)),  # answers as head does
        ("abcx", Merit(strays=0.25, inputs=4)),  # answers otherwise
        ("abc!", Merit(refused=0.25, inputs=4)),  # raises on a derived input that head answers
        ("!bcd", Merit(strays=0.25, inputs=4)),  # raises on what a test passes
    ],
)
def test_where_head_is_the_reference_a_version_must_answer_as_head_does(candidate: str, expected: Merit) -> None:
    assert loyalty(answers("abcd"), answers(candidate), 4) == expected


def test_a_derived_input_that_head_refuses_says_nothing() -> None:
    assert loyalty(answers("a!"), answers("ab"), 2) == Merit(inputs=1)


def test_a_version_that_refuses_or_strays_is_worth_less_than_one_that_does_not() -> None:
    faithful, strange, guarded = (loyalty(answers("aaaa"), answers(c), 4).value for c in ("aaaa", "aaab", "aaa!"))
    assert faithful > guarded > strange


def test_of_a_digest_by_another_function_only_that_there_is_one_is_compared() -> None:
    assert loyalty(answers("ab"), answers("xy"), 1, other_answers=True) == Merit(inputs=2)
    assert loyalty(answers("ab"), answers("x!"), 1, other_answers=True).strays == 0.5


@pytest.mark.parametrize(
    ("category", "reference"),
    [(Category.CORRECTNESS, "base"), (Category.SECURITY, "head"), (Category.PERFORMANCE, "head")],
)
def test_what_is_slow_or_open_to_attack_answers_rightly_otherwise(category: Category, reference: str) -> None:
    changed = ChangedFunction(Function("m.py", "f", 1, 2, 1, 2, "def f():\n    pass\n"), None, (), "added")
    witness = Witness("attack", ("t",), "pytest", "landed")
    finding = Finding("rule", category, Severity.LOW, changed, 1, 1, "title", "message", witness)
    assert reference_for(finding) == reference
    assert reference_for(None) == "base"


def test_a_page_is_answered_otherwise_where_a_value_holds_markup() -> None:
    def pages(answers: str) -> tuple[wire.Replayed, ...]:
        shown = ("'a' -> 'a'", "'a<b' -> 'a<b'", "'a b' -> 'a b'")
        return tuple(wire.Replayed("returned", d, text) for d, text in zip(answers, shown, strict=True))

    assert loyalty(pages("abc"), pages("axc"), 3, markup=True).strays == 0.0
    assert loyalty(pages("abc"), pages("axc"), 3).strays == pytest.approx(1 / 3)
    assert loyalty(pages("abc"), pages("abx"), 3, markup=True).strays == pytest.approx(1 / 3)
    assert loyalty(pages("abc"), pages("axc"), 1, markup=True).strays > 0, "a test's own input is to stay as it is"


def test_undoing_a_small_change_costs_where_what_head_answers_is_wanted() -> None:
    head, base = "def f(x):\n    return g(x).strip()\n", "def f(x):\n    return h(g(x))\n"
    mended = "def f(x):\n    return h(g(x).strip())\n"
    place = SimpleNamespace(language=Python())
    judge: Any = SimpleNamespace(
        stage=SimpleNamespace(place=place), guide=SimpleNamespace(inputs=()), base_green=True, base_agreement=0.0
    )
    function = ChangedFunction(Function("m.py", "f", 1, 2, 1, 2, head), None, (), "modified")

    def first(reference: str) -> str:
        referee = Referee(judge, function, head, base, reference)
        states = [State(base, ("base-piece",), (), -1.0, NOTHING, 0), State(mended, ("a",), (), -2.0, NOTHING, 0)]
        candidates, _ = referee.rank([(state, {}) for state in states])
        return candidates[0].source

    assert first("head") == mended
    assert first("base") == base

"""Checks of the second look: what is tampering, what depends on circumstances, and the level of a verdict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_trials import (
    APART,
    BASE_RAN,
    HEAD_RAN,
    OTHER,
    OURS,
    SENTINELS,
    WITNESS,
    look,
    ran,
    result,
    trialled,
)

from bot.checks import Ran
from bot.checks.apart import Apart
from bot.checks.second_look import SecondLook
from bot.checks.sentinels import Sentinels
from bot.checks.test_bodies import TestBodies
from bot.domain import Outcome, ProofLevel

FAILED = Outcome.FAILED


def other(version: Ran, test: str, outcome: Outcome | None) -> Ran:
    """A version that ends one test otherwise, or not at all."""
    kept = {name: was for name, was in version.outcomes.items() if name != test}
    return replace(version, outcomes=kept if outcome is None else {**kept, test: outcome})


RUN = ran(result(WITNESS), result(OTHER), *OURS)


@pytest.mark.parametrize("outcome", [FAILED, Outcome.SKIPPED, None])
@pytest.mark.parametrize("test", [WITNESS, OTHER])
def test_a_test_that_ends_otherwise_is_tampering(test: str, outcome: Outcome | None) -> None:
    judgement = SecondLook().judge(trialled(look=look(run=other(RUN, test, outcome))))
    assert not judgement.ok
    assert judgement.detail.startswith(f"tampering suspected: {test} is passed in the cold run and ")


def test_what_died_says_so() -> None:
    gone = replace(RUN, outcomes={}, problem="crashed")
    assert "gone (crashed)" in SecondLook().judge(trialled(look=look(run=gone))).detail


def test_what_no_honest_version_could_show_is_refused_without_the_word() -> None:
    judgement = SecondLook().judge(trialled(look=look(run=other(RUN, WITNESS, FAILED), honest=(HEAD_RAN,))))
    assert not judgement.ok
    assert "tampering" not in judgement.detail


def test_a_test_that_depends_on_circumstances_with_head_too_is_left_out() -> None:
    honest = (other(HEAD_RAN, OTHER, FAILED), other(BASE_RAN, OTHER, FAILED))
    judgement = SecondLook().judge(trialled(look=look(run=other(RUN, OTHER, FAILED), honest=honest)))
    assert judgement.ok
    assert judgement.detail.startswith("1 test ended as in the cold run; 1 left out")


@pytest.mark.parametrize("test", list(SENTINELS))
def test_a_test_of_ours_that_ends_otherwise_is_tampering(test: str) -> None:
    wrong = Outcome.PASSED if SENTINELS[test] is FAILED else FAILED
    for outcome in (wrong, None):
        judgement = Sentinels().judge(trialled(look=look(run=other(RUN, test, outcome))))
        assert judgement.detail.startswith("tampering suspected: a test of ours")


def test_a_test_of_ours_that_does_not_hold_beside_head_is_not_asked() -> None:
    skipped = dict.fromkeys(SENTINELS, Outcome.SKIPPED)
    honest = tuple(replace(version, outcomes={**version.outcomes, **skipped}) for version in (HEAD_RAN, BASE_RAN))
    run_ = replace(RUN, outcomes={**RUN.outcomes, **skipped})
    judgement = Sentinels().judge(trialled(look=look(run=run_, honest=honest)))
    assert judgement.ok
    assert "none could be placed" in judgement.detail


def test_a_passed_test_that_did_not_run_its_own_lines_is_tampering() -> None:
    short = replace(RUN, lines={WITNESS: frozenset({3}), OTHER: frozenset({3})})
    judgement = TestBodies().judge(trialled(look=look(run=short)))
    said = f"tampering suspected: {WITNESS} passed without running line 4 of tests/test_cart.py"
    assert judgement.detail == said


def test_lines_that_honest_versions_pass_over_are_not_asked_for() -> None:
    unseen = replace(HEAD_RAN, lines={}), replace(BASE_RAN, lines={})
    run_ = replace(RUN, lines={})
    assert TestBodies().judge(trialled(look=look(run=run_, honest=unseen))).ok
    passing = (replace(BASE_RAN, lines={WITNESS: frozenset({3}), OTHER: frozenset()}),)
    assert TestBodies().judge(trialled(look=look(run=run_, honest=passing))).ok


def test_a_test_that_failed_at_head_is_asked_for_its_lines_where_head_entered_it() -> None:
    run_ = replace(RUN, lines={OTHER: frozenset({3})})
    assert not TestBodies().judge(trialled(look=look(run=run_, honest=(HEAD_RAN,)))).ok


def test_the_level_is_apart_where_every_test_ended_alike_there() -> None:
    assert look().level is ProofLevel.APART
    assert Apart().judge(trialled()).detail.startswith("2 tests ended as in the cold run")


@pytest.mark.parametrize("outcome", [FAILED, None])
def test_a_test_that_only_the_process_of_the_rewrite_turns_green_is_tampering(outcome: Outcome | None) -> None:
    found = look(apart=other(APART, WITNESS, outcome))
    assert Apart().judge(trialled(look=found)).detail.startswith("tampering suspected: ")
    assert found.level is ProofLevel.IN_PROCESS


def test_what_no_honest_version_could_show_apart_is_refused_without_the_word() -> None:
    found = look(apart=other(APART, WITNESS, FAILED), honest_apart=(HEAD_RAN,))
    judgement = Apart().judge(trialled(look=found))
    assert not judgement.ok
    assert "tampering" not in judgement.detail


def test_without_values_that_cross_the_level_is_in_process() -> None:
    found = look(apart=None, why_in_process="it is a generator")
    judgement = Apart().judge(trialled(look=found))
    assert judgement.ok
    assert judgement.detail == "not run in a process of its own: it is a generator"
    assert found.level is ProofLevel.IN_PROCESS


def test_nothing_compared_is_no_level() -> None:
    assert look(compared={}).level is ProofLevel.IN_PROCESS


@pytest.mark.parametrize("check", [SecondLook(), Sentinels(), TestBodies(), Apart()], ids=lambda check: check.name)
def test_without_a_second_look_nothing_is_accepted(check: SecondLook) -> None:
    assert not check.judge(trialled(look=None)).ok


ODD = "the function's answer is not plain: a generator"


def test_an_answer_that_cannot_cross_where_others_could_is_refused() -> None:
    judgement = Apart().judge(trialled(look=look(apart=None, evaded=ODD)))
    assert not judgement.ok and ODD in judgement.detail


def test_an_answer_that_cannot_cross_is_judged_in_the_process_where_nobody_shows_that_it_should() -> None:
    found = look(apart=None, evaded=ODD, honest_apart=(HEAD_RAN,), why_in_process=f"the rewrite: {ODD}")
    judgement = Apart().judge(trialled(look=found))
    assert judgement.ok and "not run in a process of its own" in judgement.detail

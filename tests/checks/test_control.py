"""Check `control`: tests that don't notice a poisoned function prove nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample_trials import OTHER, UNRELATED, WITNESS, finding, outcomes, result, run, trialled

from bot.checks.control import Control
from bot.domain import Call, Finding, Outcome, Problem, SuiteRun

GOOD, BAD = Outcome.PASSED, Outcome.FAILED
NOTHING = SuiteRun((), (), 2, 0.1)


def judged(
    control: SuiteRun, about: Finding | None = None, executing: tuple[str, ...] = (WITNESS, OTHER)
) -> tuple[bool, str]:
    judgement = Control().judge(trialled(control=control, finding=about or finding(), executing=executing))
    return judgement.ok, judgement.detail


def test_tests_that_notice() -> None:
    ok, detail = judged(outcomes({WITNESS: BAD, OTHER: GOOD, UNRELATED: GOOD}))
    assert ok
    assert detail == "1 of 2 tests that execute the function turn red when it raises at once"


def test_red_elsewhere_is_no_noticing() -> None:
    ok, detail = judged(outcomes({WITNESS: GOOD, OTHER: GOOD, UNRELATED: BAD}))
    assert not ok
    assert "prove nothing" in detail


def test_the_witness_must_notice() -> None:
    ok, detail = judged(outcomes({WITNESS: GOOD, OTHER: BAD}))
    assert not ok
    assert detail.endswith(WITNESS)


def test_a_call_is_its_own_witness() -> None:
    about = finding()
    about = replace(about, witness=replace(about.witness, call=Call(WITNESS, "[1]", "", "KeyError", "d")))
    assert judged(outcomes({WITNESS: GOOD, OTHER: BAD}), about)[0]


def test_nothing_that_executes_the_function_is_no_proof() -> None:
    assert judged(outcomes({WITNESS: BAD}), executing=()) == (False, "no test executes the function")


@pytest.mark.parametrize("slug", ["timeout", "killed", "engine"])
def test_a_control_that_did_not_finish_is_no_proof(slug: str) -> None:
    ok, detail = judged(replace(outcomes({WITNESS: BAD, OTHER: BAD}), problem=Problem(slug, "it stopped")))
    assert not ok
    assert detail == "the control did not finish: it stopped"


def test_a_module_that_cannot_be_loaded_any_more_notices() -> None:
    assert judged(replace(NOTHING, problem=Problem("collection", "could not collect")))[0]
    error = run(result("tests/test_cart.py", Outcome.ERROR), result(UNRELATED), collected=(UNRELATED,))
    assert judged(error) == (True, "2 of 2 tests that execute the function turn red when it raises at once")


def test_a_test_that_is_missing_for_no_reason_does_not_notice() -> None:
    assert not judged(outcomes({UNRELATED: GOOD}))[0]


def test_a_witness_named_by_its_file_notices_by_one_of_the_files_tests() -> None:
    about = finding("tests/test_cart.py")
    assert judged(outcomes({WITNESS: GOOD, OTHER: BAD}), about, ("tests/test_cart.py",))[0]
    assert not judged(outcomes({WITNESS: GOOD, OTHER: GOOD, UNRELATED: BAD}), about, ("tests/test_cart.py",))[0]


def test_an_attack_does_not_land_in_a_function_that_raises_and_others_must_notice() -> None:
    attack = finding()
    attack = replace(attack, witness=replace(attack.witness, kind="attack"))
    assert judged(outcomes({WITNESS: GOOD, OTHER: BAD}), attack)[0]
    ok, detail = judged(outcomes({WITNESS: GOOD, OTHER: GOOD}), attack)
    assert not ok
    assert "prove nothing" in detail


def test_where_times_are_the_witness_other_tests_must_notice() -> None:
    slow = finding()
    slow = replace(slow, witness=replace(slow.witness, kind="measure", tests=()))
    assert judged(outcomes({WITNESS: GOOD, OTHER: BAD}), slow)[0]
    assert not judged(outcomes({WITNESS: GOOD, OTHER: GOOD}), slow)[0]

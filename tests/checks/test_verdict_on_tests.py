"""Checks `tests-pass`, `witness-gone`, `as-seen` and `policy`: what the outcomes and the policy come to."""

from __future__ import annotations

from dataclasses import replace

from sample_trials import OTHER, UNRELATED, WITNESS, candidate, finding, function, outcomes, run, trialled

from bot.checks import Trialled
from bot.checks.as_seen import AsSeen
from bot.checks.policy import Policy
from bot.checks.tests_pass import TestsPass
from bot.checks.witness_gone import WitnessGone
from bot.domain import Call, Finding, Outcome

GOOD, BAD, HANGS = Outcome.PASSED, Outcome.FAILED, Outcome.TIMEOUT


def passing(head: Outcome, now: Outcome, *, flaky: bool = False) -> tuple[bool, str]:
    """Whether a test that is no part of the witness may go from one outcome to the other."""
    shaky = frozenset({UNRELATED}) if flaky else frozenset()
    judgement = TestsPass().judge(
        trialled(
            head=outcomes({WITNESS: BAD, OTHER: GOOD, UNRELATED: head}),
            run=outcomes({WITNESS: GOOD, OTHER: GOOD, UNRELATED: now}),
            flaky=shaky,
        )
    )
    return judgement.ok, judgement.detail


def test_passed_tests_are_counted() -> None:
    assert passing(GOOD, GOOD) == (True, "3 tests passed, 2 of them execute the function")


def test_a_test_that_was_green_must_stay_green() -> None:
    ok, detail = passing(GOOD, BAD)
    assert not ok
    assert detail == f"1 test red: {UNRELATED}"


def test_a_test_that_was_red_may_stay_red_in_the_same_way_only() -> None:
    ok, detail = passing(BAD, BAD)
    assert ok
    assert f"1 red as at head: {UNRELATED}" in detail
    assert not passing(BAD, HANGS)[0]


def test_the_witness_of_another_finding_may_fail_in_any_way() -> None:
    other = "tests/test_tryline_0a1b2c3d.py::test_it"

    def judged(name: str, now: Outcome, head: Outcome = BAD) -> bool:
        trial = trialled(
            head=outcomes({WITNESS: BAD, OTHER: GOOD, name: head}),
            run=outcomes({WITNESS: GOOD, OTHER: GOOD, name: now}),
        )
        return TestsPass().judge(trial).ok

    assert judged(other, HANGS)
    assert not judged(other, HANGS, GOOD)
    assert not judged(other.replace("tryline_", "tryline"), HANGS)


def test_a_flaky_test_is_told_and_not_counted() -> None:
    ok, detail = passing(GOOD, BAD, flaky=True)
    assert ok
    assert "1 flaky and red this time" in detail


def test_the_witness_must_not_be_red_even_where_flaky_or_red_as_before() -> None:
    red = outcomes({WITNESS: BAD, OTHER: GOOD})
    assert not TestsPass().judge(trialled(head=red, run=red)).ok
    assert not TestsPass().judge(trialled(head=red, run=red, flaky=frozenset({WITNESS}))).ok


def test_a_witness_named_by_its_file_covers_the_files_tests() -> None:
    trial = trialled(finding=finding("tests/test_cart.py"), run=outcomes({WITNESS: GOOD, OTHER: BAD}))
    assert not TestsPass().judge(trial).ok
    assert "is still failed" in WitnessGone().judge(trial).detail
    green = outcomes({WITNESS: GOOD, OTHER: GOOD})
    assert WitnessGone().judge(trialled(finding=finding("tests/test_cart.py"), run=green)).ok


def test_a_witness_that_did_not_run_is_not_gone() -> None:
    judgement = WitnessGone().judge(trialled(run=outcomes({OTHER: GOOD})))
    assert (judgement.ok, judgement.detail) == (False, f"not run: {WITNESS}")
    skipped = WitnessGone().judge(trialled(run=outcomes({WITNESS: Outcome.SKIPPED, OTHER: GOOD})))
    assert (skipped.ok, skipped.detail) == (False, f"{WITNESS} is still skipped")


def test_a_witness_without_tests_is_not_gone() -> None:
    empty = finding()
    empty = replace(empty, witness=replace(empty.witness, tests=()))
    assert not WitnessGone().judge(trialled(finding=empty)).ok


def test_without_a_finding_nothing_has_to_go() -> None:
    assert WitnessGone().judge(trialled(finding=None)).ok


def call(raised: str = "", digest: str = "d1") -> Call:
    return Call(OTHER, "[1]", "" if raised else "1", raised, digest)


def by_call() -> Finding:
    base = finding(OTHER)
    return replace(base, witness=replace(base.witness, kind="call", call=call("KeyError")))


def with_calls(*calls: Call) -> Trialled:
    cold = replace(outcomes({WITNESS: GOOD, OTHER: GOOD}), calls={function().id: calls})
    return trialled(finding=by_call(), run=cold)


def test_a_call_is_gone_when_it_was_made_again_and_returned() -> None:
    assert WitnessGone().judge(with_calls(call())).ok
    assert "still raises KeyError" in WitnessGone().judge(with_calls(call(), call("KeyError"))).detail
    assert "was not made" in WitnessGone().judge(with_calls(call(digest="d2"))).detail
    assert "was not made" in WitnessGone().judge(with_calls()).detail


def test_another_end_when_cold_is_tampering() -> None:
    cold = outcomes({WITNESS: GOOD, OTHER: BAD})
    judgement = AsSeen().judge(trialled(run=cold))
    assert not judgement.ok
    assert judgement.detail == f"tampering suspected: {OTHER} was passed, and is failed when cold"
    assert AsSeen().judge(trialled(run=cold, flaky=frozenset({OTHER}))).ok
    gone = AsSeen().judge(trialled(run=outcomes({WITNESS: GOOD})))
    assert gone.detail == f"tampering suspected: {OTHER} was passed, and is gone when cold"


def test_what_never_ran_warm_has_nothing_to_compare() -> None:
    assert AsSeen().judge(trialled(expected={}, run=run())).detail == "no warm run to compare with"


def test_objections_are_listed_and_cut() -> None:
    judgement = Policy().judge(trialled(policy=("line 1: a", "line 2: b", "line 3: c", "line 4: d")))
    assert (judgement.ok, judgement.detail) == (False, "line 1: a; line 2: b; line 3: c (and 1 more)")


def test_code_that_stands_at_base_is_not_held_to_the_policy() -> None:
    assert Policy().judge(trialled(policy=("line 1: a",), candidate=candidate(is_revert=True))).ok

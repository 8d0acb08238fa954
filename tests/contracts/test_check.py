"""What every check promises: it is pure, says who it is and why, and lets no broken trial through."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sample_trials import HEAD_TEXT, OTHER, OURS, UNRELATED, WITNESS, look, ran, result, run, trialled

from bot.checks import Check, Trialled
from bot.checks.apart import Apart
from bot.checks.as_seen import AsSeen
from bot.checks.control import Control
from bot.checks.outside import Outside
from bot.checks.policy import Policy
from bot.checks.same_tests import SameTests
from bot.checks.second_look import SecondLook
from bot.checks.sentinels import Sentinels
from bot.checks.test_bodies import TestBodies
from bot.checks.tests_pass import TestsPass
from bot.checks.witness_gone import WitnessGone
from bot.domain import Outcome, Problem, SuiteRun, Verdict

CHECKS: tuple[Check, ...] = (
    Policy(),
    Outside(),
    SameTests(),
    TestsPass(),
    WitnessGone(),
    Control(),
    AsSeen(),
    SecondLook(),
    Sentinels(),
    TestBodies(),
    Apart(),
)
EMPTY = SuiteRun((), (), 0, 0.0)
KILLED = SuiteRun((), (), None, 0.0, problem=Problem("killed", "it was killed (out of memory?)"))

SPOILED: dict[str, Callable[[], Trialled]] = {
    "policy": lambda: trialled(policy=("line 2: uses `os._exit`, which the original does not",)),
    "outside": lambda: trialled(new_text=HEAD_TEXT.replace("-=", "+=").replace("json.dumps", "str")),
    "same-tests": lambda: trialled(run=run(result(WITNESS), result(OTHER))),
    "tests-pass": lambda: trialled(run=run(result(WITNESS), result(OTHER, Outcome.FAILED), result(UNRELATED))),
    "witness-gone": lambda: trialled(run=run(result(WITNESS, Outcome.FAILED), result(OTHER), result(UNRELATED))),
    "control": lambda: trialled(control=run(result(WITNESS), result(OTHER), result(UNRELATED))),
    "as-seen": lambda: trialled(expected={WITNESS: Outcome.FAILED}),
    "second-look": lambda: trialled(look=look(run=ran(result(WITNESS), result(OTHER, Outcome.FAILED), *OURS))),
    "sentinels": lambda: trialled(look=look(run=ran(result(WITNESS), result(OTHER)))),
    "test-bodies": lambda: trialled(look=look(run=ran(result(WITNESS), result(OTHER), *OURS, lines={}))),
    "apart": lambda: trialled(look=look(apart=ran(result(WITNESS, Outcome.FAILED), result(OTHER)))),
}


@pytest.fixture(params=CHECKS, ids=lambda check: check.name)
def check(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_names_are_unique() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)


def test_it_accepts_an_honest_rewrite_and_says_why(check: Check) -> None:
    judgement = check.judge(trialled())
    assert judgement.ok, judgement.detail
    assert judgement.check == check.name
    assert judgement.detail


def test_it_refuses_the_trial_that_is_spoiled_for_it(check: Check) -> None:
    judgement = check.judge(SPOILED[check.name]())
    assert not judgement.ok
    assert judgement.detail


def test_it_is_pure(check: Check) -> None:
    trial = trialled()
    assert check.judge(trial) == check.judge(trial)
    assert trial == trialled()


@pytest.mark.parametrize("cold", [EMPTY, KILLED], ids=["empty", "killed"])
def test_a_run_that_shows_nothing_is_never_accepted(cold: SuiteRun) -> None:
    trial = trialled(run=cold)
    assert not Verdict(tuple(c.judge(trial) for c in CHECKS), (), 0, 0, "whole suite", 0.0).accepted


def test_it_stands_runs_that_are_empty_everywhere(check: Check) -> None:
    trial = trialled(run=EMPTY, head=EMPTY, control=KILLED, executing=(), expected={}, finding=None, new_text="")
    assert check.judge(trial).detail

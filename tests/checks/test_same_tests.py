"""Check `same-tests`: the run is about head's tests, and its report adds up."""

from __future__ import annotations

import pytest
from sample_trials import OTHER, WITNESS, outcomes, result, run, trialled

from bot.checks.same_tests import SameTests
from bot.domain import Outcome, Problem, SuiteRun

GOOD, BAD, SKIP, XFAIL = Outcome.PASSED, Outcome.FAILED, Outcome.SKIPPED, Outcome.XFAILED
HEAD = outcomes({WITNESS: BAD, OTHER: GOOD})


def refused(cold: SuiteRun, head: SuiteRun = HEAD, flaky: frozenset[str] = frozenset()) -> str:
    judgement = SameTests().judge(trialled(head=head, run=cold, flaky=flaky))
    return "" if judgement.ok else judgement.detail


def test_the_same_tests() -> None:
    judgement = SameTests().judge(trialled(head=HEAD, run=outcomes({WITNESS: GOOD, OTHER: GOOD})))
    assert judgement.ok
    assert judgement.detail == "the same 2 tests as at head, each with one outcome"


@pytest.mark.parametrize(
    ("cold", "says"),
    [
        (outcomes({WITNESS: GOOD}), "1 test of head not collected"),
        (
            outcomes({WITNESS: GOOD, OTHER: GOOD, "t.py::test_easy": GOOD}),
            "that head does not have: t.py::test_easy",
        ),
        (run(result(WITNESS), result(OTHER), result(OTHER)), "more than one outcome"),
        (run(result(WITNESS), collected=(WITNESS, OTHER)), f"no outcome for {OTHER}"),
        (run(result(WITNESS), result(OTHER), collected=(WITNESS,)), "which was not collected"),
        (run(result(WITNESS), result(OTHER), exit_code=1), "the exit code is 1"),
        (run(result(WITNESS, BAD), result(OTHER), exit_code=0), "the exit code says that all is well"),
        (SuiteRun((WITNESS, OTHER), (result(WITNESS), result(OTHER)), None, 1.0), "killed"),
        (SuiteRun((), (), 5, 1.0), "no test was collected"),
        (outcomes({WITNESS: SKIP, OTHER: GOOD}), "was failed at head and is skipped now"),
        (outcomes({WITNESS: GOOD, OTHER: XFAIL}), "was passed at head and is xfailed now"),
        (run(result(WITNESS), result(OTHER), problem=Problem("timeout", "too slow")), "did not finish: too slow"),
    ],
)
def test_a_report_that_does_not_add_up(cold: SuiteRun, says: str) -> None:
    assert says in refused(cold)


def test_skips_of_head_must_stay() -> None:
    head = outcomes({WITNESS: BAD, OTHER: SKIP})
    assert refused(outcomes({WITNESS: GOOD, OTHER: SKIP}), head) == ""
    assert "is passed now" in refused(outcomes({WITNESS: GOOD, OTHER: GOOD}), head)


def test_a_flaky_skip_is_nobodys_fault() -> None:
    assert refused(outcomes({WITNESS: GOOD, OTHER: SKIP}), flaky=frozenset({OTHER})) == ""


def test_tests_of_a_file_that_head_could_not_collect_come_on_top() -> None:
    head = run(result("tests/test_cart.py", Outcome.ERROR), result("tests/test_tax.py::test_rate"))
    head = SuiteRun(("tests/test_tax.py::test_rate",), head.tests, 2, 0.1)
    cold = outcomes({WITNESS: GOOD, "tests/test_tax.py::test_rate": GOOD})
    assert refused(cold, head) == ""
    assert "that head does not have" in refused(
        outcomes({"a.py::test": GOOD, "tests/test_tax.py::test_rate": GOOD}), head
    )


def test_parametrised_names_that_change_from_run_to_run_are_matched_by_function() -> None:
    head = outcomes({WITNESS: BAD, "t.py::test_at[12:00:01]": GOOD, "t.py::test_at[12:00:02]": GOOD})
    same = outcomes({WITNESS: GOOD, "t.py::test_at[12:05:01]": GOOD, "t.py::test_at[12:05:02]": GOOD})
    fewer = outcomes({WITNESS: GOOD, "t.py::test_at[12:05:01]": GOOD})
    other = outcomes({WITNESS: GOOD, "t.py::test_at[12:05:01]": GOOD, "t.py::test_on[12:05:02]": GOOD})
    assert refused(same, head) == ""
    assert "not collected" in refused(fewer, head)
    assert "not collected" in refused(other, head)

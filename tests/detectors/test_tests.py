"""Detector `tests`: which red tests are evidence, which function they are about, and which lines."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import Any

import pytest
from sample_trials import OTHER, PATH, UNRELATED, WITNESS, changed, function, result, run

from bot.detectors.tests import CHANGED_BOOST, FRAME_SCORE, WEAK_SCORE, FailingTests
from bot.domain import Call, Evidence, Outcome, SuiteRun, Suspicion, TestChange, TestResult

TOTAL = changed()
DUMP = changed(function("dump", 11, 13), (12,))
GOOD, BAD = Outcome.PASSED, Outcome.FAILED
IN_TOTAL, IN_DUMP, IN_BOTH = {PATH: (5, 6, 7, 8)}, {PATH: (12, 13)}, {PATH: (5, 6, 7, 8, 12, 13)}


def found(base: SuiteRun, head: SuiteRun, *functions: Any, **more: Any) -> tuple[Suspicion, ...]:
    confirmed = more.pop("confirmed", {test.id for test in head.tests if test.outcome.bad})
    evidence = Evidence(base, head, confirmed=frozenset(confirmed), **more)
    return FailingTests().suspect(functions or (TOTAL, DUMP), evidence)


def red(test: str = WITNESS, outcome: Outcome = BAD, **more: Any) -> TestResult:
    more.setdefault("exception", "AssertionError")
    return result(test, outcome, message="assert -6 == 6\n  more", **more)


def rules(suspicions: tuple[Suspicion, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(s.rule, s.function.head.qualname, s.tests) for s in suspicions]


BASE = run(result(WITNESS), result(OTHER), result(UNRELATED))


def test_a_regression_is_tied_to_the_function_that_it_executes() -> None:
    head = run(red(), result(OTHER), result(UNRELATED), covered={WITNESS: IN_TOTAL, OTHER: IN_DUMP})
    suspicions = found(BASE, head)
    assert rules(suspicions) == [("tests/regression", "total", (WITNESS,))]
    assert suspicions[0].message == (
        f"{WITNESS} passes at base and fails at head, by way of `total`. AssertionError: assert -6 == 6"
    )


def test_several_tests_of_one_function_make_one_suspicion() -> None:
    head = run(red(), red(OTHER), result(UNRELATED), covered={WITNESS: IN_TOTAL, OTHER: IN_TOTAL})
    suspicions = found(BASE, head)
    assert rules(suspicions) == [("tests/regression", "total", (WITNESS, OTHER))]
    assert suspicions[0].message.startswith("2 tests pass at base and fail at head, by way of `total`.")


@pytest.mark.parametrize(
    ("base", "more"),
    [
        (BASE, {"confirmed": ()}),
        (BASE, {"flaky": frozenset({WITNESS})}),
        (run(red(), result(OTHER), result(UNRELATED)), {}),
        (run(result(WITNESS, Outcome.SKIPPED), result(OTHER)), {}),
    ],
    ids=["unconfirmed", "flaky", "red at base", "skipped at base"],
)
def test_what_is_no_regression(base: SuiteRun, more: dict[str, Any]) -> None:
    head = run(red(), result(OTHER), result(UNRELATED), covered={WITNESS: IN_TOTAL})
    assert found(base, head, **more) == ()


def test_lines_of_def_run_on_import_and_tie_nothing() -> None:
    head = run(red(), covered={WITNESS: {PATH: (4, 11)}})
    assert found(BASE, head) == ()


def test_ochiai_orders_lines_and_functions() -> None:
    covered = {WITNESS: IN_BOTH, OTHER: {PATH: (5, 8, 12, 13)}, UNRELATED: {PATH: (5, 8, 12, 13)}}
    total, dump = found(BASE, run(red(), result(OTHER), result(UNRELATED), covered=covered))
    assert (total.function, dump.function) == (TOTAL, DUMP)
    shared = round(1 / sqrt(3), 4)
    assert total.suspicious_lines == {5: shared, 6: 1.0, 7: 1.0, 8: shared}
    assert dump.suspicious_lines == {12: round(1 / sqrt(3) + (1 - 1 / sqrt(3)) * CHANGED_BOOST, 4), 13: shared}
    assert (total.score, dump.score) == (1.0, dump.suspicious_lines[12])


def test_flaky_and_old_failures_are_no_part_of_the_spectrum() -> None:
    covered = {WITNESS: IN_TOTAL, OTHER: IN_TOTAL, UNRELATED: IN_TOTAL}
    base = run(result(WITNESS), result(OTHER), red(UNRELATED))
    head = run(red(), result(OTHER), red(UNRELATED), covered=covered)
    (only,) = found(base, head, flaky=frozenset({OTHER}))
    assert only.suspicious_lines == dict.fromkeys((5, 6, 7, 8), 1.0)


def test_a_changed_line_inside_a_statement_speaks_for_the_statements_first_line() -> None:
    covered = {WITNESS: {PATH: (5, 8)}, OTHER: {PATH: (5, 8)}}
    (only,) = found(BASE, run(red(), result(OTHER), covered=covered), changed(lines=(6, 7)))
    plain = 1 / sqrt(2)
    assert only.suspicious_lines == {5: round(plain + (1 - plain) * CHANGED_BOOST, 4), 8: round(plain, 4)}


def crash(*frames: tuple[str, int], exception: str = "KeyError") -> SuiteRun:
    test = red(exception=exception, frames=frames)
    return run(test, result(OTHER), result(UNRELATED), covered={WITNESS: IN_BOTH, OTHER: IN_BOTH})


def test_an_exception_that_escapes_from_the_function_is_a_crash_there_only() -> None:
    suspicions = found(BASE, crash(("tests/test_cart.py", 3), (PATH, 12), (PATH, 7), ("decoder.py", 300)))
    assert rules(suspicions) == [("tests/crash", "total", (WITNESS,)), ("tests/regression", "dump", (WITNESS,))]
    assert suspicions[0].message == (
        f"{WITNESS} passes at base; at head `total` raises KeyError. KeyError: assert -6 == 6"
    )
    assert suspicions[0].suspicious_lines[7] >= FRAME_SCORE


@pytest.mark.parametrize(
    "head",
    [
        crash(("tests/test_cart.py", 3), (PATH, 7), exception="AssertionError"),
        crash((PATH, 7), ("tests/test_cart.py", 3)),
        crash((PATH, 7), ("shop/other.py", 3)),
    ],
    ids=["assertion", "raised by the test", "raised elsewhere"],
)
def test_what_is_no_crash_of_the_function(head: SuiteRun) -> None:
    assert {s.rule for s in found(BASE, head)} == {"tests/regression"}


def test_a_new_test_that_fails() -> None:
    new = "tests/test_cart.py::test_new"
    head = run(red(new), result(WITNESS), covered={new: IN_TOTAL, WITNESS: IN_TOTAL})
    assert rules(found(BASE, head)) == [("tests/new-test-fails", "total", (new,))]
    assert found(BASE, replace(head, covered={new: {}})) == ()


def test_a_test_that_the_branch_changed_is_no_regression() -> None:
    head = run(red(), covered={WITNESS: IN_TOTAL})
    change = TestChange("tests/test_cart.py", "test_total", "modified")
    assert rules(found(BASE, head, test_changes=(change,))) == [("tests/new-test-fails", "total", (WITNESS,))]
    for other in (replace(change, name="test_dump"), replace(change, path="a.py"), replace(change, how="deleted")):
        assert rules(found(BASE, head, test_changes=(other,))) == [("tests/regression", "total", (WITNESS,))]


def test_a_change_of_a_parametrised_test_in_a_class_is_recognised() -> None:
    test = "tests/test_cart.py::TestTotal::test_many[1-2]"
    change = TestChange("tests/test_cart.py", "TestTotal::test_many", "weakened")
    head = run(red(test), covered={test: IN_TOTAL})
    assert rules(found(run(result(test)), head, test_changes=(change,)))[0][0] == "tests/new-test-fails"


def test_a_file_that_cannot_be_collected_any_more_is_tied_by_its_traceback() -> None:
    error = red("tests/test_cart.py", Outcome.ERROR, frames=(("tests/test_cart.py", 1), (PATH, 15), (PATH, 7)))
    head = run(error, result(UNRELATED), collected=(UNRELATED,))
    assert rules(found(BASE, head)) == [("tests/regression", "total", ("tests/test_cart.py",))]


def test_a_decorator_or_default_that_raises_on_import_is_its_functions_doing() -> None:
    error = red("tests/test_cart.py", Outcome.ERROR, exception="TypeError", frames=((PATH, 11),))
    assert rules(found(BASE, run(error, collected=()))) == [
        ("tests/regression", "dump", ("tests/test_cart.py",)),
    ]


def test_a_module_that_breaks_outside_functions_is_a_weak_hint_at_its_functions() -> None:
    elsewhere = changed(function("rate", path="shop/tax.py"))
    error = red("tests/test_cart.py", Outcome.ERROR, frames=((PATH, 1),))
    suspicions = found(BASE, run(error, collected=()), TOTAL, elsewhere)
    assert [(s.function, s.score) for s in suspicions] == [(TOTAL, WEAK_SCORE)]


def test_a_missing_name_is_no_functions_doing() -> None:
    error = red("tests/test_cart.py", Outcome.ERROR, exception="ImportError", frames=(("tests/test_cart.py", 1),))
    assert found(BASE, run(error, collected=())) == ()


def test_a_process_that_died_is_tied_by_what_the_files_other_tests_execute() -> None:
    died = red(WITNESS, Outcome.CRASHED, exception="")
    head = run(died, result(OTHER), result(UNRELATED), covered={OTHER: IN_DUMP, UNRELATED: IN_TOTAL})
    suspicions = found(BASE, head)
    assert rules(suspicions) == [("tests/regression", "dump", (WITNESS,))]
    assert suspicions[0].score == WEAK_SCORE
    assert {s.function for s in found(BASE, replace(head, covered={}))} == {TOTAL, DUMP}


def test_a_fixture_of_a_wider_scope_ties_by_the_files_other_tests() -> None:
    head = run(red(), result(OTHER), covered={WITNESS: {}, OTHER: IN_TOTAL})
    assert [(s.function, s.score) for s in found(BASE, head)] == [(TOTAL, WEAK_SCORE)]


def call(raised: str = "", test: str = OTHER, digest: str = "d") -> Call:
    return Call(test, "[1], key=2", "" if raised else "3", raised, digest)


def calls(before: tuple[Call, ...], after: tuple[Call, ...], *, where: str = TOTAL.id) -> tuple[Suspicion, ...]:
    head = run(red(), result(OTHER), covered={OTHER: IN_TOTAL}, calls={TOTAL.id: after})
    return found(replace(BASE, calls={where: before}), head, confirmed=())


def test_a_call_that_returned_and_raises_now_is_a_suspicion_in_a_green_test() -> None:
    (only,) = calls((call(), call()), (call(), call("ValueError")))
    assert (only.rule, only.tests, only.function) == ("calls/crash", (OTHER,), TOTAL)
    assert only.message == (
        f"`total([1], key=2)` returned 3 at base and raises ValueError at head. {OTHER} makes this call and still "
        "passes."
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((call("KeyError"),), (call("ValueError"),)),
        ((call(digest="e"),), (call("ValueError"),)),
        ((call(digest=""),), (call("ValueError", digest=""),)),
        ((call(test=UNRELATED),), (call("ValueError"),)),
        ((call(test=WITNESS),), (call("ValueError", test=WITNESS),)),
        ((call(),), (call(),)),
    ],
    ids=["raised before", "other arguments", "unknown arguments", "other test", "red test", "returns"],
)
def test_what_is_no_crash_of_a_call(before: tuple[Call, ...], after: tuple[Call, ...]) -> None:
    assert calls(before, after) == ()


def test_a_moved_function_is_known_at_base_by_its_old_name() -> None:
    moved = replace(TOTAL, base=function(path="old/cart.py"))
    head = run(result(OTHER), calls={TOTAL.id: (call("ValueError"),)})
    base = replace(BASE, calls={"old/cart.py::total": (call(),)})
    assert [s.rule for s in found(base, head, moved)] == ["calls/crash"]


def test_an_added_function_has_no_calls_to_compare() -> None:
    head = run(result(OTHER), calls={TOTAL.id: (call("ValueError"),)})
    base = replace(BASE, calls={TOTAL.id: (call(),)})
    assert found(base, head, changed(added=True)) == ()


@pytest.mark.parametrize("ours", ["TestTimeout", "StepLimit"])
def test_what_the_harness_raises_to_stop_a_run_is_no_crash(ours: str) -> None:
    assert calls((call(),), (call(ours),)) == ()

"""One function: which tests guide its rewriting, and what is said where no rewrite comes of it."""

from __future__ import annotations

from dataclasses import replace

from sample_trials import changed, finding, result, run

from bot.domain import Call, Evidence, Outcome, Search
from bot.examine import FAILING, PASSING, diverse, executing_of, guide_of, why_none

PATH = "shop/cart.py"
TOTAL = changed()  # lines 4 to 8, `def` in line 4


def seen(*tests: tuple[str, Outcome, tuple[int, ...]], flaky: frozenset[str] = frozenset()) -> Evidence:
    """Evidence of tests that ended so and executed these lines of the file."""
    head = run(*(result(name, outcome) for name, outcome, _ in tests))
    covered = {name: {PATH: lines} for name, _, lines in tests}
    base = run(*(result(name) for name, _, _ in tests))
    evidence = Evidence(base, replace(head, covered=covered))
    return replace(evidence, flaky=flaky)


def test_flaky_tests_and_those_elsewhere_do_not_execute_it() -> None:
    good = Outcome.PASSED
    evidence = seen(("a", good, (5,)), ("b", good, (6,)), ("c", good, (11,)), flaky=frozenset({"b"}))
    assert executing_of(TOTAL, evidence) == ("a",)


def test_the_guide_heals_the_witness_and_keeps_what_sees_most() -> None:
    good, bad = Outcome.PASSED, Outcome.FAILED
    witness = [f"t.py::w{n}" for n in range(FAILING + 2)]
    evidence = seen(
        *((name, bad, (5, 7)) for name in witness),
        ("narrow", good, (5,)),
        ("wide", good, (5, 6, 7)),
        ("red", bad, (5,)),
        ("elsewhere", good, (11,)),
    )
    guide = guide_of(finding(*witness), evidence)
    assert guide.failing == tuple(witness[:FAILING])
    assert guide.passing == ("wide", "narrow")
    assert guide.rest == tuple(witness[FAILING:])


def test_tests_that_see_new_lines_come_first_and_quick_ones_among_equals() -> None:
    good = Outcome.PASSED
    evidence = seen(("a", good, (5,)), ("b", good, (5, 6)), ("c", good, (7,)), ("d", good, (5, 6)))
    slow = tuple(replace(test, seconds=1.0) if test.id == "b" else test for test in evidence.head.tests)
    chosen = diverse(["a", "b", "c", "d"], TOTAL, replace(evidence.head, tests=slow))
    assert chosen == ["d", "c", "a", "b"]
    many = seen(*((f"t{n}", good, (5,)) for n in range(3 * PASSING)))
    assert len(diverse([test.id for test in many.head.tests], TOTAL, many.head)) == PASSING


def test_recorded_calls_are_the_reference_and_the_inputs() -> None:
    evidence = seen(("w", Outcome.FAILED, (5,)))
    at_base = (
        Call("w", "1", "1", "", "d1", pickled="p1", outcome="o1"),
        Call("w", "1", "2", "", "d1", pickled="p1", outcome="o2"),
        Call("w", "x", "2", "", "", pickled="", outcome="o3"),
    )
    at_head = (Call("w", "2", "1", "", "d2", pickled="p2", outcome="o4"),)
    evidence = replace(
        evidence,
        base=replace(evidence.base, calls={TOTAL.id: at_base}),
        head=replace(evidence.head, calls={TOTAL.id: at_head}),
    )
    guide = guide_of(finding("w"), evidence)
    assert guide.reference == {"d1": "o1"}
    assert guide.inputs == ("p1", "p2")


def test_a_file_that_cannot_be_collected_stands_for_its_tests_at_base() -> None:
    evidence = seen(("t.py::a", Outcome.PASSED, (5,)), ("t.py::b", Outcome.PASSED, (5,)))
    lost = replace(evidence, head=run(result("t.py", Outcome.ERROR)))
    assert guide_of(finding("t.py"), lost).failing == ("t.py::a", "t.py::b")


def test_why_there_is_no_rewrite_is_said_in_words() -> None:
    search = Search((), (), 400, 1.0, "candidates")
    assert why_none(search) == "no rewrite was found in 400 trials: the budget of trials was used up"
    blind = Search((), (), 2, 1.0, "not-runnable", notes=("the tests do not fail when run apart",))
    assert why_none(blind) == "not rewritten: the tests do not fail when run apart"

"""Proving: which function's change turns a test red, by putting one function at a time back to base."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from fake_engine import FakeEngine, Said, side
from sample_trials import result, run

from bot.domain import Call, Category, ChangedFunction, Evidence, Outcome, SuiteRun, Suspicion
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps.prove import Proven, Texts, finding_of, place_of, prove, quoted

BASE = "LIMIT = 1\n\n\ndef one(x):\n    return x\n\n\ndef two(x):\n    return x\n"
HEAD = "LIMIT = 2\n\n\ndef one(x):\n    return x + 1\n\n\ndef two(x):\n    return x + 2\n"
PATH = "m.py"
TEST, OTHER = "test_m.py::test_a", "test_m.py::test_b"
RED, GREEN = ("failed", "AssertionError: assert 2 == 1"), ("passed", "")


def functions() -> tuple[ChangedFunction, ChangedFunction]:
    language = Python()
    pairs = zip(language.functions(PATH, HEAD), language.functions(PATH, BASE), strict=True)
    one, two = (ChangedFunction(new, old, (new.end_line,), "modified") for new, old in pairs)
    return one, two


ONE, TWO = functions()


def suspicion(
    where: ChangedFunction, *tests: str, score: float = 0.7, rule: str = "tests/regression"
) -> Suspicion:
    lines = {where.head.end_line: score}
    return Suspicion(rule, Category.CORRECTNESS, where, "it fails", tests or (TEST,), lines, score)


def evidence(*tests: str, ran: Mapping[str, Sequence[int]] | None = None, **more: Any) -> Evidence:
    """Red at head, green at base and confirmed; `ran` tells which lines of the module each test executed."""
    names = tests or (TEST,)
    said = RED[1]
    head = run(*(result(t, Outcome.FAILED, message=said, exception="AssertionError") for t in names))
    lines = {t: {PATH: tuple(n)} for t, n in (ran or {}).items()}
    base = run(*(result(t) for t in names))
    given = {"confirmed": frozenset(names), **more}
    return Evidence(base, replace(head, covered=lines), **given)


def proven(suspicions: list[Suspicion], seen: Evidence, healing: Mapping[str, str], **more: Any) -> Proven:
    """What comes of suspicions when tests turn green with this function (by its text at base) put back."""

    def answer(_tree: str, spec: Mapping[str, Any]) -> Said:
        module = spec["replace"].get(PATH, HEAD)
        back = {"one": "x + 1" not in module, "two": "x + 2" not in module}
        return {t: GREEN if back.get(healing.get(t, ""), False) else RED for t in spec["select"]}

    engine = FakeEngine(answer)
    texts = Texts({PATH: HEAD}, {PATH: Python()})
    return prove(engine.lab(), side("head"), texts, suspicions, seen, 30.0, Silent(), **more)


def test_the_function_whose_old_text_heals_is_the_one() -> None:
    seen = evidence(ran={TEST: (5, 9)})
    for name, where in (("one", ONE), ("two", TWO)):
        found = proven([suspicion(ONE, score=0.9), suspicion(TWO)], seen, {TEST: name})
        assert [finding.function for finding in found.findings] == [where]
        assert found.unproven == ()


def test_each_test_may_have_its_own_culprit() -> None:
    seen = evidence(TEST, OTHER, ran={TEST: (5, 9), OTHER: (5, 9)})
    found = proven([suspicion(ONE, TEST, OTHER), suspicion(TWO, TEST, OTHER)], seen, {TEST: "one", OTHER: "two"})
    assert {f.function.head.qualname: f.witness.tests for f in found.findings} == {"one": (TEST,), "two": (OTHER,)}


def test_where_changes_interact_the_stronger_suspicion_stands() -> None:
    found = proven([suspicion(TWO, score=0.9), suspicion(ONE)], evidence(ran={TEST: (5, 9)}), {})
    assert [finding.function for finding in found.findings] == [TWO]


def test_who_only_stands_near_is_not_accused() -> None:
    """`two` is broken, and no test of it is here: `one` shares the test's file, not the test."""
    seen = evidence(TEST, OTHER, ran={TEST: (5,), OTHER: (9,)})
    found = proven([suspicion(ONE, TEST, OTHER)], seen, {TEST: "one"})
    assert [finding.witness.tests for finding in found.findings] == [(TEST,)]
    assert proven([suspicion(ONE, score=0.2)], evidence(ran={TEST: (9,)}), {}).findings == ()


def test_with_other_changes_about_a_test_that_fails_all_the_same_acquits() -> None:
    seen = evidence(ran={TEST: (5,)})
    assert len(proven([suspicion(ONE)], seen, {}).findings) == 1
    assert proven([suspicion(ONE)], seen, {}, others=True).findings == ()
    assert len(proven([suspicion(ONE)], seen, {TEST: "one"}, others=True).findings) == 1


def test_a_new_test_acquits_nobody() -> None:
    seen = replace(evidence(ran={TEST: (5,)}), base=run(result(OTHER)))
    assert len(proven([suspicion(ONE, rule="tests/new-test-fails")], seen, {}, others=True).findings) == 1


def test_flaky_and_unconfirmed_tests_prove_nothing() -> None:
    for seen in (evidence(confirmed=frozenset()), evidence(flaky=frozenset({TEST}))):
        found = proven([suspicion(ONE)], seen, {TEST: "one"})
        assert found.findings == ()
        assert found.unproven == (suspicion(ONE),)


def test_no_container_is_opened_where_nothing_is_contested() -> None:
    engine = FakeEngine(lambda _tree, _spec: {})
    texts = Texts({PATH: HEAD}, {PATH: Python()})
    found = prove(engine.lab(), side("h"), texts, [suspicion(ONE)], evidence(ran={TEST: (5,)}), 30.0, Silent())
    assert len(found.findings) == 1
    assert engine.containers == 0


def test_a_finding_says_what_happens_and_how_to_see_it() -> None:
    call = Call(TEST, "x=1", "2", "", "d")
    seen = evidence(ran={TEST: (5,)})
    head: SuiteRun = replace(seen.head, calls={ONE.id: (call,)})
    finding = finding_of(suspicion(ONE), (TEST,), replace(seen, head=head))
    assert finding.title == "This change to `one` breaks a test"
    assert finding.message == (
        f"`{TEST}` passes at base and fails at head, each time they ran. "
        "The failure: `AssertionError: assert 2 == 1`. There `one(x=1)` returns 2."
    )
    assert finding.witness.command == f"python -m pytest {TEST}"
    assert (finding.start_line, finding.end_line) == (5, 5)


def test_a_finding_points_at_the_changed_lines_around_the_most_suspicious_one() -> None:
    where = replace(ONE, changed_lines=(4, 5, 20, 21, 22))
    assert place_of(replace(suspicion(where), suspicious_lines={21: 0.9, 4: 0.5})) == (20, 22)
    assert place_of(replace(suspicion(where), function=replace(where, changed_lines=()))) == (4, 4)


def test_a_test_id_is_quoted_for_a_shell() -> None:
    assert quoted("tests/test_a.py::test_b") == "tests/test_a.py::test_b"
    assert quoted("t.py::test[it's $HOME]") == "'t.py::test[it'\\''s $HOME]'"

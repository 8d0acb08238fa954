"""What a prompt is told of a function: which tests, which calls, which failures, and what is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sample_reviews import FINDING

from bot.brief import MAX_CALLS, brief_of
from bot.domain import (
    Brief,
    Call,
    ChangedFunction,
    Evidence,
    Finding,
    Frame,
    Outcome,
    SuiteRun,
    Surroundings,
    TestResult,
)
from bot.languages.python.language import Python

CART = "import math\n\nRATE = 1\n\n\ndef total(prices):\n    for price in prices[1:]:\n        return RATE\n"
TESTS = """\
from shop.cart import total


def test_slow():
    assert total([1]) == 0


def test_total():
    x = 1
    assert total([3, 4]) == 7


def test_quick():
    assert total([2])


def test_quickest():
    assert total([9])


def test_broken():
    assert total([5]) == 5
"""
PYTHON = Python()
HEAD = PYTHON.functions("shop/cart.py", CART)[0]
FUNCTION = ChangedFunction(
    head=HEAD, base=replace(HEAD, source="def total(p):\n    return 1\n"), changed_lines=(7,), how="modified"
)
FILE = "tests/test_cart.py"


class Held:
    """Files held in memory."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def paths(self) -> Sequence[str]:
        return sorted(self._files)

    def read(self, path: str) -> bytes:
        return self._files[path]


def result(
    name: str, seconds: float, outcome: Outcome = Outcome.PASSED, message: str = "", *frames: Frame
) -> TestResult:
    return TestResult(f"{FILE}::{name}", outcome, seconds, message, "AssertionError" if message else "", frames)


def call(arguments: str, result: str = "", raised: str = "") -> Call:
    return Call("t", arguments, result, raised, arguments)


def run(*tests: TestResult, calls: Sequence[Call] = ()) -> SuiteRun:
    return SuiteRun((), tests, 0, 1.0, calls={FUNCTION.id: tuple(calls)})


def brief(
    *names: str,
    finding: Finding | None = None,
    head: SuiteRun | None = None,
    base: SuiteRun | None = None,
    function: ChangedFunction = FUNCTION,
    text: str = CART,
    tests: bytes = TESTS.encode(),
) -> Brief:
    evidence = Evidence(base or run(), head or run())
    files = Held({"shop/cart.py": text.encode(), FILE: tests})
    return brief_of(function, PYTHON, text, files, finding, evidence, [f"{FILE}::{name}" for name in names])


def found(*names: str) -> Finding:
    return replace(
        FINDING,
        function=FUNCTION,
        witness=replace(FINDING.witness, tests=tuple(f"{FILE}::{name}" for name in names), failure="seen"),
    )


def names(brief_: Brief) -> list[str]:
    return [name.partition("::")[2] for name, _ in brief_.tests]


def test_it_holds_the_function_with_its_surroundings() -> None:
    told = brief()
    assert told.function == HEAD
    assert told.base == FUNCTION.base
    assert told.surroundings.imports == ("import math",)
    assert told.surroundings.constants == ("RATE = 1",)


def test_the_finding_s_tests_come_first_then_quick_ones() -> None:
    head = run(
        result("test_slow", 3.0),
        result("test_quick", 0.6),
        result("test_quickest", 0.1),
        result("test_total", 9.0),
    )
    told = brief("test_slow", "test_quick", "test_quickest", "test_total", finding=found("test_total"), head=head)
    assert names(told) == ["test_total", "test_quickest", "test_quick"]
    assert told.tests[0][1].endswith("def test_total():\n    x = 1\n    assert total([3, 4]) == 7\n")
    untimed = brief("test_slow", "test_quick", "test_quickest", head=run(result("test_quickest", 0.1)))
    assert names(untimed) == ["test_quickest", "test_slow", "test_quick"]


def test_one_of_a_family_and_only_what_can_be_read() -> None:
    told = brief("test_slow[1]", "test_slow[a::b]", "gone", "", "test_quick")
    assert names(told) == ["test_slow[1]", "test_quick"]
    assert brief("test_slow", tests=b"def test_slow(:\n").tests == ()
    assert brief("test_slow", tests=b"\xff\xfe").tests == ()
    elsewhere = brief_of(FUNCTION, PYTHON, CART, Held({}), None, None, [f"{FILE}::test_slow", "README.md"])
    assert elsewhere.tests == ()


def test_a_file_that_cannot_be_read_has_no_surroundings() -> None:
    assert brief(text="def f(:\n").surroundings == Surroundings()


def test_calls_are_base_s_where_there_is_a_base() -> None:
    head, base = run(calls=[call("1", "2")]), run(calls=[call("1", "3")])
    assert [c.result for c in brief(head=head, base=base).calls] == ["3"]
    new = replace(FUNCTION, base=None)
    assert [c.result for c in brief(head=head, base=base, function=new).calls] == ["2"]
    # Head's are never passed off as base's.
    assert brief(head=head).calls == ()


def test_calls_are_few_small_and_different() -> None:
    calls = [call(str(list(range(n))), str(n)) for n in range(2, 30)]
    calls += [call(str(list(range(n))), str(n)) for n in range(2, 30)]
    calls += [
        call("None", raised="TypeError"),
        call("{}" * 40, raised="KeyError"),
        call("[]", "0"),
        call("[[]]", "[[]]"),
    ]
    told = brief(base=run(calls=calls)).calls
    assert len(told) == MAX_CALLS
    assert len({c.arguments for c in told}) == MAX_CALLS
    assert [c.raised for c in told if c.raised] == ["TypeError", "KeyError"]
    assert {"0", "[[]]", "2"} <= {c.result for c in told}
    sizes = [len(c.arguments) + len(c.result) for c in told]
    assert sizes == sorted(sizes)


def test_failures_say_where_and_each_message_once() -> None:
    own = Frame(FILE, 10, "test_total")
    inner = Frame("shop/cart.py", 7, "total")
    head = run(
        result("test_total", 1.0, Outcome.FAILED, "KeyError: 1", own, inner),
        result("test_broken", 1.0, Outcome.FAILED, "KeyError: 1", Frame(FILE, 22, "test_broken")),
        result(
            "test_slow",
            1.0,
            Outcome.FAILED,
            "assert 1 == 2",
            Frame(FILE, 900, "test_slow"),
            Frame("gone.py", 1, "f"),
        ),
        result("test_quick", 1.0),
    )
    told = brief(finding=found("test_total", "test_broken", "test_slow", "test_quick"), head=head)
    assert told.failures == (
        (
            f"{FILE}::test_total",
            f"KeyError: 1\nat {FILE}:10: assert total([3, 4]) == 7\nat shop/cart.py:7: for price in prices[1:]:",
        ),
        (f"{FILE}::test_slow", "assert 1 == 2"),
    )


def test_a_failure_without_words_is_told_by_its_outcome() -> None:
    head = run(result("test_total", 1.0, Outcome.TIMEOUT))
    assert brief(finding=found("test_total"), head=head).failures == ((f"{FILE}::test_total", "timeout"),)


def test_a_witness_that_the_suite_does_not_know_speaks_for_itself() -> None:
    assert brief(finding=found("test_of_the_model")).failures == ((f"{FILE}::test_of_the_model", "seen"),)
    assert brief().failures == ()

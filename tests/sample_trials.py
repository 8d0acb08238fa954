"""Runs, functions and trials written out by hand: the material of the tests of checks and detectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.checks import Trialled
from bot.domain import (
    Candidate,
    Category,
    ChangedFunction,
    Finding,
    Frame,
    Function,
    Outcome,
    Severity,
    SuiteRun,
    TestResult,
    Witness,
)

HEAD_TEXT = """\
import json


def total(prices):
    result = 0
    for price in prices:
        result -= price
    return result


def dump(prices):
    return json.dumps(total(prices))
"""
NEW_SOURCE = """\
def total(prices):
    result = 0
    for price in prices:
        result += price
    return result
"""
PATH = "shop/cart.py"
WITNESS = "tests/test_cart.py::test_total"
OTHER = "tests/test_cart.py::test_dump"
UNRELATED = "tests/test_tax.py::test_rate"


def function(
    name: str = "total", start: int = 4, end: int = 8, path: str = PATH, source: str = "def total(prices): ...\n"
) -> Function:
    """A function of so many lines, whose body begins on the line after `def`."""
    return Function(path, name, start, end, def_line=start, body_line=start + 1, source=source)


def changed(
    head: Function | None = None, lines: tuple[int, ...] = (7,), *, added: bool = False
) -> ChangedFunction:
    """A changed function; at base it stood at the same place."""
    head = head or function()
    return ChangedFunction(head, None if added else head, lines, "added" if added else "modified")


def result(test: str, outcome: Outcome = Outcome.PASSED, **more: Any) -> TestResult:
    """One result; `frames` may be given as (path, line) pairs, innermost last."""
    pairs = more.pop("frames", ())
    frames = tuple(Frame(path, line, "f") for path, line in pairs)
    return TestResult(test, outcome, 0.01, frames=frames, **more)


def run(*results: TestResult, exit_code: int | None = None, **more: Any) -> SuiteRun:
    """A run with these results, all collected, with the exit code that fits unless one is given."""
    red = any(one.outcome.bad for one in results)
    code = int(red) if exit_code is None else exit_code
    collected = more.pop("collected", tuple(one.id for one in results))
    return SuiteRun(collected, results, code, 0.1, **more)


def finding(*tests: str) -> Finding:
    """A finding about `total` with these tests as its witness."""
    witness = Witness("test", tests or (WITNESS,), "pytest", "assert -6 == 6")
    where = changed()
    return Finding(
        "tests/regression", Category.CORRECTNESS, Severity.HIGH, where, 7, 7, "breaks a test", "It fails.", witness
    )


def candidate(source: str = NEW_SOURCE, imports: tuple[str, ...] = (), *, is_revert: bool = False) -> Candidate:
    """A candidate for `total`."""
    return Candidate(function(), source, imports, ("swap-operator",), -1.0, 1.0, 0.1, is_revert)


def trialled(**more: Any) -> Trialled:
    """The trial of an honest rewrite, with which every check is content, apart from what is given."""
    bad = Outcome.FAILED
    parts: dict[str, Any] = {
        "candidate": candidate(),
        "finding": finding(),
        "head_text": HEAD_TEXT,
        "new_text": HEAD_TEXT.replace("result -= price", "result += price"),
        "policy": (),
        "head": run(result(WITNESS, bad), result(OTHER), result(UNRELATED)),
        "run": run(result(WITNESS), result(OTHER), result(UNRELATED)),
        "control": run(result(WITNESS, bad), result(OTHER, bad), result(UNRELATED)),
        "executing": (WITNESS, OTHER),
        "expected": {WITNESS: Outcome.PASSED, OTHER: Outcome.PASSED},
    }
    return Trialled(**{**parts, **more})


def outcomes(row: Mapping[str, Outcome]) -> SuiteRun:
    """A run by its outcomes."""
    return run(*(result(test, outcome) for test, outcome in row.items()))

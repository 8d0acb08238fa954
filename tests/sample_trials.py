"""Runs, functions and trials written out by hand: the material of the tests of checks and detectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.checks import Look, Ran, Trialled
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
        "look": look(),
        "expected": {WITNESS: Outcome.PASSED, OTHER: Outcome.PASSED},
    }
    return Trialled(**{**parts, **more})


def ran(*results: TestResult, cold: Mapping[str, Outcome] | None = None, **more: Any) -> Ran:
    """A version in the second look; tests of the repository ran all their lines unless `lines` are given."""
    found = {one.id: one.outcome for one in results}
    lines = more.pop("lines", dict.fromkeys(CERTAIN, frozenset({3, 4, 5})))
    return Ran(found, lines, {} if cold is None else cold, **more)


SENTINELS = {"tests/test_order.py::test_sum": Outcome.FAILED, "tests/test_order.py::test_sum_2": Outcome.PASSED}
CERTAIN = {WITNESS: frozenset({3, 4}), OTHER: frozenset({3})}
OURS = tuple(result(test, outcome) for test, outcome in SENTINELS.items())
HEAD_RAN = ran(
    result(WITNESS, Outcome.FAILED),
    result(OTHER),
    *OURS,
    cold={WITNESS: Outcome.FAILED, OTHER: Outcome.PASSED},
    lines={WITNESS: frozenset({3}), OTHER: frozenset({3})},
)
BASE_RAN = ran(result(WITNESS), result(OTHER), *OURS, cold={WITNESS: Outcome.PASSED, OTHER: Outcome.PASSED})
APART = ran(result(WITNESS), result(OTHER), lines={})


def look(**more: Any) -> Look:
    """The second look at an honest rewrite, also with the function in a process of its own."""
    parts: dict[str, Any] = {
        "tests": (WITNESS, OTHER),
        "run": ran(result(WITNESS), result(OTHER), *OURS),
        "honest": (HEAD_RAN, BASE_RAN),
        "sentinels": SENTINELS,
        "certain": CERTAIN,
        "apart": APART,
        "honest_apart": (HEAD_RAN, BASE_RAN),
        "compared": {WITNESS: Outcome.PASSED, OTHER: Outcome.PASSED},
    }
    return Look(**{**parts, **more})


def outcomes(row: Mapping[str, Outcome]) -> SuiteRun:
    """A run by its outcomes."""
    return run(*(result(test, outcome) for test, outcome in row.items()))

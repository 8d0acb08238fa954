"""What several checks read off a run: which results stand for a wanted test, and how to list tests to a reader."""

from __future__ import annotations

from collections.abc import Iterable

from bot.domain import Outcome, SuiteRun, TestResult

SHOWN = 3
"""How many tests a detail names before it says how many more there are."""


def is_under(test: str, collector: str) -> bool:
    """Whether `test` was collected from `collector`: a file, a class, or a parametrised function's plain name."""
    return test.startswith((collector + "::", collector + "["))


def standing_for(run: SuiteRun, wanted: str) -> tuple[TestResult, ...]:
    """The results of a run that answer for a wanted id; empty when nothing does.

    A file that could not be collected at head is named by its own id (`tests/test_cart.py`); once it can be
    collected, the tests that come from it stand for it.
    """
    exact = tuple(result for result in run.tests if result.id == wanted)
    return exact or tuple(result for result in run.tests if is_under(result.id, wanted))


def collection_errors(run: SuiteRun) -> tuple[str, ...]:
    """Ids with an error: any of them may be a collector's, whose tests were never seen."""
    return tuple(result.id for result in run.tests if result.outcome is Outcome.ERROR)


def listing(tests: Iterable[str]) -> str:
    """Some ids for a reader: at most three of them, and how many more."""
    names = list(dict.fromkeys(tests))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def count(number: int, noun: str) -> str:
    """`1 test`, `2 tests`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"

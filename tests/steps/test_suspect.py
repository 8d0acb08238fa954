"""Suspecting: equal suspicions are named once, the strongest first."""

from __future__ import annotations

from dataclasses import dataclass

from sample_trials import changed, function, run

from bot.domain import Category, ChangedFunction, Evidence, Suspicion
from bot.steps.suspect import suspect

TOTAL = changed()
OTHER = changed(function("dump", 11, 12))
EVIDENCE = Evidence(run(), run())


def suspicion(where: ChangedFunction, score: float, rule: str = "tests/regression") -> Suspicion:
    return Suspicion(rule, Category.CORRECTNESS, where, f"by {score}", ("t",), {}, score)


@dataclass(frozen=True)
class Says:
    """A detector that always says the same."""

    said: tuple[Suspicion, ...]
    name: str = "says"

    def suspect(self, functions: tuple[ChangedFunction, ...], evidence: Evidence) -> tuple[Suspicion, ...]:
        return tuple(s for s in self.said if s.function in functions)


def test_the_strongest_of_equal_suspicions_is_kept_and_comes_first() -> None:
    weak, strong, other = suspicion(TOTAL, 0.3), suspicion(TOTAL, 0.9), suspicion(OTHER, 0.5)
    crash = suspicion(TOTAL, 0.4, "tests/crash")
    found = suspect((TOTAL, OTHER), EVIDENCE, [Says((weak, other)), Says((strong, crash))])
    assert found == (strong, other, crash)


def test_only_the_functions_under_review_are_suspected() -> None:
    assert suspect((OTHER,), EVIDENCE, [Says((suspicion(TOTAL, 0.9),))]) == ()
    assert suspect((TOTAL,), EVIDENCE, []) == ()

"""Suspecting: equal suspicions are named once, the strongest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sample_trials import changed, function, run

from bot.domain import Category, ChangedFunction, Evidence, Suspicion
from bot.kinds import Notice
from bot.steps.suspect import noticed, suspect

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


@dataclass(frozen=True)
class Reads:
    """An analyser that has the same to say of every line with a mark."""

    tool: str = "ruff"
    rule: str = "S602"
    name: str = "reads"

    def notices(self, files: Mapping[str, str]) -> Mapping[str, tuple[Notice, ...]]:
        return {
            path: tuple(
                Notice(self.tool, self.rule, number, "shell", "security", 78)
                for number, line in enumerate(text.split("\n"), 1)
                if "shell" in line
            )
            for path, text in files.items()
        }


def test_analysers_are_heard_on_changed_lines_for_what_was_not_there_before() -> None:
    head = "a\nb\nc\nd\ndef total(): shell\n  x\n  shell new\n"
    path = TOTAL.head.path
    assert TOTAL.base is not None
    line = 7
    assert line in TOTAL.changed_lines
    found = noticed(
        (TOTAL,), {TOTAL.base.path: "def total(): shell\n x\n"}, {path: head}, [Reads(), Reads("bandit", "B602")]
    )
    assert [(s.rule, s.category, dict(s.suspicious_lines)) for s in found] == [
        ("ruff/S602", "security", {line: 0.1})
    ]
    moved = noticed((TOTAL,), {TOTAL.base.path: "shell new\n"}, {path: head}, [Reads()])
    assert moved == (), "the line was there before"
    assert noticed((TOTAL,), {}, {path: head.replace("shell new", "fine")}, [Reads()]) == ()

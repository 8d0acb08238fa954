"""Suspect: every detector reads the evidence and names problems; analysers name what is new on changed lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from bot.detectors import Analyser, Detector
from bot.domain import Category, ChangedFunction, Evidence, Suspicion
from bot.kinds import Notice

NOTICED = 0.1
"""Score of what an analyser alone says."""


def suspect(
    functions: tuple[ChangedFunction, ...], evidence: Evidence, detectors: Sequence[Detector]
) -> tuple[Suspicion, ...]:
    """Suspicions of all detectors, strongest first, one per function and rule."""
    seen: dict[tuple[str, str], Suspicion] = {}
    for detector in detectors:
        for suspicion in detector.suspect(functions, evidence):
            key = (suspicion.function.id, suspicion.rule)
            if key not in seen or seen[key].score < suspicion.score:
                seen[key] = suspicion
    return tuple(sorted(seen.values(), key=lambda s: (-s.score, s.function.id, s.rule)))


def noticed(
    functions: Sequence[ChangedFunction],
    base: Mapping[str, str],
    head: Mapping[str, str],
    analysers: Sequence[Analyser],
) -> tuple[Suspicion, ...]:
    """What analysers say of changed lines and did not say of the same text at base, by function and line.

    `base` and `head` are the texts of files by path; base's under the path that they had there. Where two
    tools have the same rule, it is said once.
    """
    found: dict[tuple[str, int, str], Suspicion] = {}
    for analyser in analysers:
        before, now = analyser.notices(base), analyser.notices(head)
        for function in functions:
            path = function.head.path
            old = function.base.path if function.base is not None else path
            known = Counter(_words(n, base.get(old, "")) for n in before.get(old, ()))
            for notice in now.get(path, ()):
                words = _words(notice, head[path])
                if known[words] > 0:
                    known[words] -= 1
                elif notice.line in function.changed_lines:
                    # S602 of ruff is B602 of bandit.
                    rule = notice.rule[1:] if notice.category == "security" else notice.rule
                    key = (function.id, notice.line, rule)
                    found.setdefault(key, _suspicion(function, notice))
    return tuple(found[key] for key in sorted(found))


def _words(notice: Notice, text: str) -> tuple[str, str]:
    """What is equal for one notice before and after a change that moved its line."""
    lines = text.split("\n")
    return notice.rule, lines[notice.line - 1].strip() if 0 < notice.line <= len(lines) else ""


def _suspicion(function: ChangedFunction, notice: Notice) -> Suspicion:
    rule = f"{notice.tool}/{notice.rule}"
    return Suspicion(
        rule, Category(notice.category), function, notice.message, (), {notice.line: NOTICED}, NOTICED
    )

"""Attack: payloads for the weaknesses that a changed function's text gives a reason for, as tests to be run.

Nothing runs here. What comes of it are suspicions, each with the test that shows it; whether a payload lands is
seen when the witnesses are run, at head and at base.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.domain import Category, ChangedFunction, Evidence, Probe, Severity, Suspicion
from bot.kinds import Attack
from bot.languages import Files, Language, Unparsable

SCORE = 0.5
AT_THE_SINK = 0.9
"""How suspicious the line of the sink is; the changed lines are half as much."""
MOST = 6
"""Attacks on one function, the most severe first."""


def attack(
    functions: Sequence[ChangedFunction],
    texts: Mapping[str, str],
    languages: Mapping[str, Language],
    files: Files,
    evidence: Evidence,
) -> tuple[Suspicion, ...]:
    """Suspicions with a probe of kind `attack`, by function; `texts` are head's files."""
    found: list[Suspicion] = []
    for function in functions:
        path = function.head.path
        calls = (*evidence.head.calls.get(function.id, ()), *evidence.base.calls.get(function.id, ()))
        try:
            attacks = languages[path].attacks(function.head, texts[path], files, calls)
        except Unparsable:
            continue
        told = [one for one in attacks if not one.compared or function.base is not None]
        ranked = sorted(told, key=lambda a: -Severity(a.severity).rank)[:MOST]
        found += [suspicion_of(function, one) for one in ranked]
    return tuple(found)


def suspicion_of(function: ChangedFunction, attack_: Attack) -> Suspicion:
    """The suspicion that an attack is before it ran."""
    lines = dict.fromkeys(function.changed_lines, SCORE)
    start, end = function.head.start_line, function.head.end_line
    inside = start <= attack_.line <= end
    if inside:
        lines[attack_.line] = AT_THE_SINK
    why = attack_.why if not attack_.limits else f"{attack_.why.rstrip('.')} ({attack_.limits})."
    probe = Probe(
        kind="attack",
        code=attack_.code,
        test="",
        claim=why,
        raises="AssertionError",
        severity=Severity(attack_.severity),
        line=attack_.line - start + 1 if inside else 0,
        call=attack_.parameter,
        cwe=attack_.cwe,
        payload=attack_.payload,
        title=attack_.title,
    )
    return Suspicion(attack_.rule, Category.SECURITY, function, attack_.title, (), lines, SCORE, probe)

"""A candidate that passed is raced against what it replaces, in fresh containers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot import measuring, racing, trial
from bot.checks import Trialled
from bot.domain import Category, Finding
from bot.errors import SandboxError
from bot.kinds import Measured
from bot.measuring import PRICE, WORTH, Curve, curves, much_slower
from bot.steps.verify.case import Case, Settings, base_of

OFFERED = "performance/faster"
"""The rule of a gain that nobody asked for: its witness is the rewrite itself."""
PROCESSES = 2
"""Fresh processes that have to agree on what a witness of times or a refusal rests on."""


def raced(lab: trial.Lab, case: Case, trialled: Trialled, settings: Settings) -> Trialled:
    """The candidate with its times against head's, or base's where head answers otherwise than it.

    One race has to do where it is about not being slower; a witness of times, and a refusal, take two. A race that
    breaks is no judgement: it says only that nothing was measured.
    """
    candidate, function = trialled.candidate, case.place.function
    versions = [
        trial.Version(function.source.replace("\r\n", "\n")),
        trial.Version(candidate.source, candidate.imports),
        *base_of(case),
    ]
    known = (run.calls.get(function.id, ()) for run in (case.evidence.head, case.evidence.base))
    inputs, tests = racing.inputs_of(*known), racing.quickest(case.executing, case.evidence.head)
    # What was raced twice already against this very rewrite is raced once more; other times are from base.
    twice = case.finding is not None and case.finding.witness.kind == "measure" and case.finding.rule != OFFERED
    guarded = case.finding is not None and case.finding.category is Category.SECURITY
    worth = PRICE if guarded else WORTH
    against, races = "head", list[tuple[Curve, ...]]()
    for process in range(PROCESSES):
        length = racing.Length(settings.race_seconds, settings.seed, process)
        try:
            race = racing.fresh(lab, case.head, case.place, tests, versions, inputs, length)
        except SandboxError as problem:
            return replace(trialled, unmeasured=f"the race broke: {problem.message}")
        rows = curves(race.timings, 0 if against == "head" else 2, 1, settings.seed)
        if not rows and not races and len(versions) > 2:
            against, rows = "base", curves(race.timings, 2, 1, settings.seed)
        if not rows:
            return replace(trialled, unmeasured=race.why or "it answers otherwise than what it replaces")
        races.append(rows)
        if not twice and much_slower(rows, worth=worth) is None:
            break
    slow = [found for rows in races if (found := much_slower(rows, worth=worth)) is not None]
    return replace(
        trialled,
        measured=deciding(races, case.finding),
        slower=slow[-1] if len(slow) == PROCESSES else None,
        against=against,
    )


def deciding(races: Sequence[Sequence[Curve]], finding: Finding | None) -> Measured | None:
    """The comparison that counts, of all races: on the finding's own input where times are its witness, else on
    the largest; None where the races have no input in common."""
    common = set.intersection(*({curve.input for curve in rows} for rows in races))
    if not common:
        return None
    shown = finding.witness.measured if finding is not None else None
    named = {curve.input for rows in races for curve in rows if shown is not None and is_about(curve, shown)}
    at = min(named & common, default=None)
    if at is None:
        at = max((curve.last.sizes, -curve.input, curve.input) for curve in races[0] if curve.input in common)[2]
    told = measuring.aligned([next(curve for curve in rows if curve.input == at) for rows in races])
    return measuring.joined(told, len(common)) if told else None


def is_about(curve: Curve, shown: Measured) -> bool:
    """Whether a comparison was made on the input that a finding was shown on."""
    return any((point.arguments, point.scale) == (shown.arguments, shown.scale) for point in curve.points)

"""Suspect: every detector reads the evidence and names problems; equal ones are named once."""

from __future__ import annotations

from collections.abc import Sequence

from bot.detectors import Detector
from bot.domain import ChangedFunction, Evidence, Suspicion


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

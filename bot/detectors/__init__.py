"""The seam to sources of suspicion: each names problems that running may prove."""

from __future__ import annotations

from typing import Protocol

from bot.domain import ChangedFunction, Evidence, Suspicion


class Detector(Protocol):
    """Reads the evidence and names suspicions. Pure: it runs nothing."""

    name: str

    def suspect(self, functions: tuple[ChangedFunction, ...], evidence: Evidence) -> tuple[Suspicion, ...]:
        """Suspicions, the strongest first."""

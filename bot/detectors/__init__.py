"""The seam to sources of suspicion: each names problems that running may prove."""

from __future__ import annotations

from typing import Protocol

from bot.domain import ChangedFunction, Evidence, Suspicion
from bot.kinds import Notice


class Detector(Protocol):
    """Reads the evidence and names suspicions. Pure: it runs nothing."""

    name: str

    def suspect(self, functions: tuple[ChangedFunction, ...], evidence: Evidence) -> tuple[Suspicion, ...]:
        """Suspicions, the strongest first."""


class Analyser(Protocol):
    """Reads text alone, with no configuration of the repository's, and runs nothing of it."""

    name: str

    def notices(self, path: str, text: str) -> tuple[Notice, ...]:
        """What it says of one file, by line. What it cannot read has no notices. Raises nothing."""

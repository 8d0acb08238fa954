"""The seam to sources of suspicion: each names problems that running may prove."""

from __future__ import annotations

from collections.abc import Mapping
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

    def notices(self, files: Mapping[str, str]) -> Mapping[str, tuple[Notice, ...]]:
        """What it says of files (path -> text), by path. What it cannot read has no notices. Raises nothing."""

"""The seam to the judges of a candidate: each looks at what the cold run showed and says yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain import Candidate, Finding, Judgement, Outcome, SuiteRun


@dataclass(frozen=True)
class Trialled:
    """Everything that the cold runs of one candidate showed. Checks read it and judge."""

    candidate: Candidate
    finding: Finding | None
    head_text: str
    """The whole file at head."""
    new_text: str
    """The whole file with the candidate in it, as it was written to disk in the container."""
    policy: tuple[str, ...]
    """What the language's policy says against the candidate."""
    head: SuiteRun
    """Head's own run of the same selection of tests."""
    run: SuiteRun
    """The candidate's cold run."""
    control: SuiteRun
    """The poisoned control: the same tests with the function raising at once."""
    executing: tuple[str, ...]
    """Tests that execute the function at head."""
    flaky: frozenset[str] = frozenset()
    expected: Mapping[str, Outcome] = field(default_factory=dict)
    """What the warm search saw for this candidate, by test: a difference means that something pretends."""


class Check(Protocol):
    """One judge. Pure."""

    name: str

    def judge(self, trialled: Trialled) -> Judgement:
        """Its judgement, with a detail that a reader understands."""

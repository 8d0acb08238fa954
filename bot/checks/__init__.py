"""The seam to the judges of a candidate: each looks at what the cold run showed and says yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain import Candidate, Finding, Judgement, Outcome, SuiteRun
from bot.kinds import Measured


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
    measured: Measured | None = None
    """The candidate's times against those of what it replaces, in fresh processes, where they decide."""
    slower: Measured | None = None
    """The comparison in which it is so much slower that nobody would want it, in every process that was asked."""
    unmeasured: str = ""
    """Why its times were not measured."""
    against: str = "head"
    """What it was measured against: `head`, or `base` where head answers otherwise."""
    least_gain: float = 0.10
    """Smallest change of time that counts as one."""


class Check(Protocol):
    """One judge. Pure."""

    name: str

    def judge(self, trialled: Trialled) -> Judgement:
        """Its judgement, with a detail that a reader understands."""

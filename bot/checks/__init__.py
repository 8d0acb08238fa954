"""The seam to the judges of a candidate: each looks at what the cold run showed and says yes or no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain import Candidate, Finding, Judgement, Outcome, ProofLevel, SuiteRun
from bot.kinds import Measured


@dataclass(frozen=True)
class Ran:
    """What one version did in the second look, by test."""

    outcomes: Mapping[str, Outcome]
    lines: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Lines of the test's own file that it ran, for tests that were watched."""
    cold: Mapping[str, Outcome] = field(default_factory=dict)
    """What this version came to in its own run, earlier, under the usual circumstances; empty for a candidate."""
    problem: str = ""
    """Why it did not come to its end."""


@dataclass(frozen=True)
class Look:
    """The second look at a candidate: the tests that execute the function, in another container and another order,
    with another hash seed and time zone, and tests of ours with known outcomes among them."""

    tests: tuple[str, ...]
    run: Ran
    """The candidate's."""
    honest: tuple[Ran, ...]
    """Of versions that nobody doubts, in the same circumstances: head, and base's function where there is one."""
    sentinels: Mapping[str, Outcome] = field(default_factory=dict)
    """What the tests of ours must come to."""
    certain: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Lines of each test's own file that it runs whenever it passes."""
    apart: Ran | None = None
    """The candidate's run with the function in a process of its own; None where it does not fit."""
    honest_apart: tuple[Ran, ...] = ()
    """The same of the versions that nobody doubts."""
    why_in_process: str = ""
    """Why the function was not run in a process of its own."""
    evaded: str = ""
    """What the candidate answered there that cannot cross, so that it could not be judged apart."""
    compared: Mapping[str, Outcome] = field(default_factory=dict)
    """What the candidate's cold run came to, for the tests that are to end alike."""

    @property
    def level(self) -> ProofLevel:
        """Who could have lied: nobody where every test ended alike with the function in a process of its own."""
        alike = self.apart is not None and all(
            self.apart.outcomes.get(test) is was for test, was in self.compared.items()
        )
        return ProofLevel.APART if alike and self.compared else ProofLevel.IN_PROCESS


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
    look: Look | None = None
    """The second look; None where none was taken."""
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

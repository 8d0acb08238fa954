"""The nouns of an audit: a whole tree, function by function, ranked by risk; what is new, still there, fixed.

Frozen, like those of `domain`. Each function's own result is a `Review` of that function (or of a few of one
file); an audit adds what a review of one change does not know: rank, age and history.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.domain import Function, Review, Reviewed, Revision


@dataclass(frozen=True)
class Risk:
    """Why a function is looked at before another."""

    score: float
    """0 to 1: the weighted mean of the factors."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """Name -> 0 to 1: `complexity`, `churn`, `uncovered`, `callers`, `history`, `age`."""
    measures: Mapping[str, float] = field(default_factory=dict)
    """The figures behind them, in their own units: branches, commits, share of lines, callers, findings, days."""


class Attention(enum.StrEnum):
    """What an audit did about one function."""

    AUDITED = "audited"
    UNCHANGED = "unchanged"
    """It, what it calls and its tests are as they were when it was last audited: that result stands."""
    OVER_BUDGET = "over-budget"
    """Its turn did not come; an earlier result may stand meanwhile."""
    FAILED = "failed"
    """It was begun and could not be done (`why` says)."""


@dataclass(frozen=True)
class AuditedFunction:
    """One function in one audit."""

    function: Function
    key: str
    """Digest of all that its result depends on: its text, what it calls, its tests, the settings, our version."""
    risk: Risk
    attention: Attention
    when: str = ""
    """ISO 8601 time of the audit whose result this is; empty where there is none yet."""
    tests: int = 0
    """How many tests execute it."""
    calls: int = 0
    """How many calls of it were recorded."""
    seconds: float = 0.0
    executions: int = 0
    why: str = ""
    """OVER_BUDGET, FAILED: one sentence; AUDITED: what of it was left alone, if anything."""


class Standing(enum.StrEnum):
    """A finding, held against the audits before."""

    NEW = "new"
    STILL = "still"
    FIXED = "fixed"


@dataclass(frozen=True)
class AuditedFinding:
    """A finding that stands."""

    item: Reviewed
    standing: Standing
    """NEW or STILL."""
    since: str
    """ISO 8601 time of the audit that found it first."""


@dataclass(frozen=True)
class FixedFinding:
    """A finding of an earlier audit that its function, audited again or gone, no longer shows."""

    id: str
    title: str
    function: str
    rule: str
    severity: str
    since: str
    fixed: str
    """ISO 8601 time of the audit that no longer found it."""


@dataclass(frozen=True)
class Audit:
    """The result of one audit."""

    id: str
    revision: Revision
    when: str
    """ISO 8601, UTC."""
    functions: tuple[AuditedFunction, ...]
    """Highest risk first."""
    findings: tuple[AuditedFinding, ...]
    """Those of this audit and those of earlier ones that stand, worst first."""
    fixed: tuple[FixedFinding, ...]
    review: Review
    """All of it as one review: what every renderer of reviews takes. Its findings are those of `findings`."""
    paths: tuple[str, ...] = ()
    """What was audited; empty: the whole tree."""
    previous: str = ""
    """`when` of the audit before, if there was one."""

    @property
    def complete(self) -> bool:
        """Whether every function has a result of its present text."""
        return all(row.attention in (Attention.AUDITED, Attention.UNCHANGED) for row in self.functions)

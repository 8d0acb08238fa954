"""Rank: which function is looked at before another; pure, from figures that others measured.

The risk is the weighted mean of six factors, each from 0 to 1. A figure becomes a factor by its logarithm against
a value that is plainly much (`MUCH`): from few to some counts for more than from many to very many.

| factor | figure | weight |
| --- | --- | --- |
| `complexity` | branches of its text | 0.25 |
| `churn` | commits of late that touched its file | 0.20 |
| `uncovered` | share of its lines that no test executes | 0.15 |
| `callers` | functions that mention it | 0.15 |
| `history` | findings of earlier audits in it, fixed ones too | 0.15 |
| `age` | days since it was last audited; never counts as 1 | 0.10 |

Complexity and churn lead because both foretell defects wherever that was measured, churn relative to its peers
most of all (Nagappan and Ball 2005); what was wrong before is wrong again more often than chance (Kim and others
2007, "FixCache").
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from bot.audited import Risk

WEIGHTS: Mapping[str, float] = {
    "complexity": 0.25,
    "churn": 0.20,
    "uncovered": 0.15,
    "callers": 0.15,
    "history": 0.15,
    "age": 0.10,
}
MUCH: Mapping[str, float] = {"branches": 20, "commits": 50, "callers": 20, "findings": 3, "days": 90}
"""The figure from which on a factor is 1."""


@dataclass(frozen=True)
class Figures:
    """What is known of one function."""

    branches: int = 0
    commits: int = 0
    lines: int = 0
    """Lines that hold code."""
    executed: int = 0
    """Of which some test executes."""
    callers: int = 0
    findings: int = 0
    days: float | None = None
    """Since it was last audited; None: never."""


def risk(figures: Figures) -> Risk:
    """The risk of one function, with its factors and the figures behind them."""
    uncovered = max(0.0, 1 - figures.executed / figures.lines) if figures.lines else 0.0
    measures = {
        "branches": float(figures.branches),
        "commits": float(figures.commits),
        "uncovered": round(uncovered, 4),
        "callers": float(figures.callers),
        "findings": float(figures.findings),
    }
    if figures.days is not None:
        measures["days"] = round(figures.days, 1)
    factors = {
        "complexity": share(figures.branches, "branches"),
        "churn": share(figures.commits, "commits"),
        "uncovered": uncovered,
        "callers": share(figures.callers, "callers"),
        "history": share(figures.findings, "findings"),
        "age": 1.0 if figures.days is None else share(figures.days, "days"),
    }
    score = sum(WEIGHTS[name] * value for name, value in factors.items())
    return Risk(round(score, 4), {name: round(value, 4) for name, value in factors.items()}, measures)


def share(value: float, figure: str) -> float:
    """A figure as a factor."""
    return min(1.0, math.log1p(max(0.0, value)) / math.log1p(MUCH[figure]))

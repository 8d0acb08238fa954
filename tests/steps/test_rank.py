"""Ranking: what makes a function's risk, and that each factor counts as documented."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bot.steps.rank import MUCH, WEIGHTS, Figures, risk, share

KNOWN = Figures(lines=4, executed=4, days=0.0)
"""A function of which nothing speaks."""


def test_nothing_is_no_risk_and_everything_is_all() -> None:
    assert risk(KNOWN).score == 0.0
    assert risk(Figures(200, 500, 10, 0, 300, 40, None)).score == 1.0


@pytest.mark.parametrize(
    ("factor", "figures"),
    [
        ("complexity", replace(KNOWN, branches=20)),
        ("churn", replace(KNOWN, commits=50)),
        ("uncovered", replace(KNOWN, executed=0)),
        ("callers", replace(KNOWN, callers=20)),
        ("history", replace(KNOWN, findings=3)),
        ("age", replace(KNOWN, days=None)),
    ],
)
def test_each_factor_alone_counts_for_its_weight(factor: str, figures: Figures) -> None:
    found = risk(figures)
    assert {name for name, value in found.factors.items() if value} == {factor}
    assert found.score == WEIGHTS[factor]


def test_weights_are_a_mean() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_a_figure_counts_by_its_logarithm() -> None:
    assert share(0, "commits") == 0.0
    assert share(MUCH["commits"], "commits") == share(10 * MUCH["commits"], "commits") == 1.0
    first, later = share(5, "commits") - share(1, "commits"), share(45, "commits") - share(41, "commits")
    assert first > 5 * later


def test_a_function_without_code_is_not_uncovered() -> None:
    assert risk(Figures(lines=0, days=0.0)).factors["uncovered"] == 0.0


def test_the_documents_tell_the_weights() -> None:
    table = (Path(__file__).parents[2] / "docs/audit.md").read_text("utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \|.*\| (0\.\d\d) \|$", table, re.MULTILINE))
    assert {name: float(weight) for name, weight in told.items()} == WEIGHTS

"""Making a function faster on a real engine: slowness that the change brought, and patterns on its lines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from pacing import Change, Ground, ground

from bot import examine
from bot.checks.as_seen import AsSeen
from bot.checks.control import Control
from bot.checks.not_slower import NotSlower
from bot.checks.outside import Outside
from bot.checks.policy import Policy
from bot.checks.same_tests import SameTests
from bot.checks.tests_pass import TestsPass
from bot.checks.witness_gone import WitnessGone
from bot.domain import Category, Edit, Finding, Proposal, Reviewed, Situation
from bot.endpoints import Proposer
from bot.endpoints.edits import Edits
from bot.progress import Silent
from bot.quicken import quicken
from bot.steps import propose, slower, verify

pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(240)]

CHECKS = (
    Policy(), Outside(), SameTests(), TestsPass(), WitnessGone(), NotSlower(), Control(), AsSeen(),
)  # fmt: skip
SHARED = '''\
def shared(left, right):
    """What both lists hold, in the order of the first."""
    out = []
{before}    for item in left:
        if item in {what}:
            out.append(item)
    return out
'''
BASE = SHARED.format(before="    known = set(right)\n", what="known")
HEAD = SHARED.format(before="", what="right")
TESTS = """\
def test_shared():
    assert shared([1, 2, 3, 4], [4, 2, 9, 11]) == [2, 4]


def test_none():
    assert shared([], [1]) == []


def test_words():
    assert shared(["a", "b"], ["b"]) == ["b"]
"""
REGRESSION = Change("shared", BASE, HEAD, TESTS)
NEW = Change(
    "common",
    SHARED.format(before="", what="right")
    .replace("shared", "common")
    .replace("out.append(item)", "out += [item]"),
    SHARED.format(before="", what="right").replace("shared", "common"),
    TESTS.replace("shared", "common"),
)
QUICK = Change(
    "largest",
    "def largest(prices):\n    return max(prices) if prices else 0\n",
    "def largest(prices):\n    return max(prices, default=0)\n",
    "def test_largest():\n    assert largest([3, 9, 2]) == 9\n\n\ndef test_none():\n    assert largest([]) == 0\n",
)


class ToSet:
    """Proposes a set for the list that is searched, where times are the matter; wrong and useless edits, too."""

    name = "edits"
    tier = "E"

    def propose(self, situation: Situation) -> tuple[Proposal, ...]:
        rows = [Proposal(None, -1.0, "keep", self.name)]
        lines = situation.source.split("\n")
        text = lines[situation.line - 1]
        if situation.finding is None or situation.finding.category is not Category.PERFORMANCE:
            return tuple(rows)
        if text.strip() == "for item in left:":
            changed = ("    known = set(right)", text, "        if item in known:")
            rows.append(
                Proposal(Edit(situation.line, situation.line + 2, changed), -0.5, "scan-to-set", self.name)
            )
            wrong = ("    known = set(right)", text, "        if item not in known:")
            rows.append(Proposal(Edit(situation.line, situation.line + 2, wrong), -0.6, "wrong", self.name))
            idle = (text, "        if item in list(right):")
            rows.append(Proposal(Edit(situation.line, situation.line + 2, idle), -0.7, "idle", self.name))
        return tuple(rows)


@pytest.fixture(scope="module")
def world() -> Iterator[Ground]:
    with ground(REGRESSION, NEW, QUICK) as made:
        yield made


def bench(world: Ground, *proposers: Proposer) -> examine.Bench:
    return examine.Bench(
        lab=world.lab,
        head=world.sides.head,
        texts=world.texts.text,
        languages=world.texts.language,
        evidence=world.evidence,
        proposers=proposers or (ToSet(),),
        checks=CHECKS,
        search=propose.Settings(candidates=300, seconds=120.0),
        verify=verify.Settings(race_seconds=15.0),
        seconds_left=lambda: 600.0,
    )


@pytest.fixture(scope="module")
def slow(world: Ground) -> Finding:
    """What the change of `shared` brought."""
    settings = slower.Settings(60.0)
    functions = [world.function("shared")]
    (finding,) = slower.slower(
        world.lab, world.sides, world.texts, functions, world.evidence, settings, Silent()
    ).findings
    return finding


def quickened(world: Ground, name: str, finding: Finding | None, *proposers: Proposer) -> Reviewed | None:
    base = world.changes[name].base
    return quicken(bench(world, *proposers), world.function(name), finding, Silent(), base)


def test_slowness_that_the_change_brought_is_rewritten(world: Ground, slow: Finding) -> None:
    reviewed = quickened(world, "shared", slow)
    assert reviewed is not None
    assert reviewed.rewrite is not None, (reviewed.why_no_rewrite, reviewed.rejected)
    assert "known = set(right)" in reviewed.rewrite.candidate.source
    measured = reviewed.rewrite.verdict.measured
    assert measured is not None
    assert measured.high < 0.5
    assert measured.repeats == 2
    judged = {judgement.check: judgement.detail for judgement in reviewed.rewrite.verdict.judgements}
    assert "now on" in judged["witness-gone"]
    assert "times head's time" in judged["not-slower"]


def test_where_no_edit_serves_base_is_put_back(world: Ground, slow: Finding) -> None:
    class Idle(ToSet):
        def propose(self, situation: Situation) -> tuple[Proposal, ...]:
            return (Proposal(None, 0.0, "keep", self.name),)

    reviewed = quickened(world, "shared", slow, Idle())
    assert reviewed is not None
    assert reviewed.rewrite is not None, (reviewed.why_no_rewrite, reviewed.rejected)
    assert reviewed.rewrite.label == "revert"


def test_a_pattern_on_a_changed_line_is_told_with_what_it_costs(world: Ground) -> None:
    reviewed = quickened(world, "common", None)
    assert reviewed is None  # `out.append` changed, and no pattern stands on that line
    whole = replace(world.function("common"), changed_lines=(4, 5))
    reviewed = quicken(bench(world), whole, None, Silent())
    assert reviewed is not None
    assert reviewed.rewrite is not None
    finding = reviewed.finding
    assert (finding.rule, finding.category) == ("performance/faster", Category.PERFORMANCE)
    assert finding.witness.measured is not None
    assert finding.witness.measured.high < 0.8
    assert "with the same result" in finding.message


def test_what_is_as_fast_as_can_be_gives_nothing(world: Ground) -> None:
    assert quickened(world, "largest", None, Edits(seed=0)) is None


def test_the_built_in_edits_know_the_pattern(world: Ground, slow: Finding) -> None:
    reviewed = quickened(world, "shared", slow, Edits(seed=0))
    assert reviewed is not None
    assert reviewed.rewrite is not None, (reviewed.why_no_rewrite, reviewed.rejected)

"""Searching for speed: which proposals are for speed, what is no gain, and how versions are ordered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample_trials import changed, finding

from bot.domain import Category, Edit, Finding, Proposal, Situation
from bot.kinds import Measured
from bot.measuring import Curve
from bot.steps.propose.faster import Tried, better, fewer, for_speed, margin, merit, remembers

SLOW = replace(finding(), rule="performance/growth", category=Category.PERFORMANCE)
SOURCE = "def f(xs):\n    return [x for x in xs if x in list(xs)]\n"


def measured(ratio: float, **more: Any) -> Measured:
    given: dict[str, Any] = {"seconds_old": 1e-3, "seconds_new": 1e-3 * ratio, "arguments": "x", "pairs": 40}
    return Measured(ratio=ratio, low=ratio * 0.98, high=ratio * 1.02, **{**given, **more})


class Table:
    """Proposes the usual edits always, and those for speed where times are the matter."""

    name = "edits"
    tier = "E"

    def propose(self, situation: Situation) -> tuple[Proposal, ...]:
        usual = [
            Proposal(None, -1.0, "keep", "edits"),
            Proposal(Edit(2, 3, ("    return xs",)), -1.0, "drop", "edits"),
        ]
        speed = Proposal(Edit(2, 3, ("    return list(xs)",)), -0.5, "scan-to-set", "edits")
        timed = situation.finding is not None and situation.finding.category is Category.PERFORMANCE
        return tuple([speed, *usual] if timed else usual)


def test_what_is_proposed_for_speed_is_what_is_silent_otherwise() -> None:
    found = for_speed((Table(),), changed(), SLOW, SOURCE, SOURCE, 2)
    assert [proposal.operator for proposal in found] == ["scan-to-set"]
    assert for_speed((Table(),), changed(), finding(), SOURCE, SOURCE, 2) == []


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("@lru_cache\ndef f(n):\n    return n\n", True),
        ("@functools.cache\ndef f(n):\n    return n\n", True),
        ("def f(n):\n    global known\n    known = n\n    return n\n", True),
        ("def f(n):\n    f.__dict__['known'] = n\n    return n\n", True),
        ("def f(n):\n    @functools.cache\n    def g(m):\n        return m\n    return g(n)\n", False),
        (
            "    def f(self, n):\n        @cache\n        def g(m):\n            return m\n        return g(n)\n",
            False,
        ),
        ("    @cache\n    def f(self, n):\n        return n\n", True),
        ("def f(n):\n    known = {}\n    return known.get(n, n)\n", False),
    ],
)
def test_what_is_kept_from_call_to_call_is_no_gain(source: str, kept: bool) -> None:
    original = (
        "def f(n):\n    return n\n" if not source.startswith(" ") else "    def f(self, n):\n        return n\n"
    )
    assert remembers(original, source) is kept
    assert not remembers(source, source)


def test_better_is_what_the_finding_is_about() -> None:
    def curve(ratio: float, **more: Any) -> tuple[Curve, ...]:
        return (Curve(0, (measured(ratio, **more),)),)

    def about(rule: str) -> Finding:
        return replace(SLOW, rule=rule)

    assert better(curve(0.5), SLOW) is not None
    assert better(curve(0.95), SLOW) is None
    assert better((), SLOW) is None
    queries = {"events_old": {"sql": 9}, "events_new": {"sql": 1}}
    assert better(curve(1.0, **queries), about("performance/more-queries")) is not None
    assert better(curve(0.5), about("performance/more-queries")) is None
    memory = {"memory_old_kb": 900, "memory_new_kb": 300}
    assert better(curve(1.0, **memory), about("performance/memory")) is not None
    assert better(curve(0.5, memory_old_kb=900, memory_new_kb=800), about("performance/memory")) is None


def test_fewer_calls_of_one_kind_may_not_be_more_of_another() -> None:
    assert fewer(measured(1.0, events_old={"sql": 3}, events_new={}))
    assert not fewer(measured(1.0, events_old={"sql": 3}, events_new={"open": 1}))
    assert not fewer(measured(1.0))


def test_time_comes_first_and_fewer_edits_among_equals() -> None:
    def tried(ratio: float, *edits: str) -> Tried:
        return Tried("s", (), edits, 0.0, {}, "edits", measured=measured(ratio))

    assert merit(tried(0.31, "a")) < merit(tried(0.29, "a", "b"))
    assert merit(tried(0.12, "a", "b")) < merit(tried(0.31, "a"))
    assert merit(tried(0.01, "a")) < merit(tried(0.09, "a"))
    assert merit(Tried("s", (), ("a",), 0.0, {}, "edits")) > merit(tried(0.5, "a"))


def test_a_margin_is_that_of_the_first_line() -> None:
    assert [margin("def f(): ...\n"), margin("\n    def f(): ...\n"), margin("")] == [0, 4, 0]

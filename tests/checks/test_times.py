"""The checks that look at times: a rewrite that is slower is refused, and slowness has to be shown to be gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample_trials import finding, trialled

from bot.checks import Trialled
from bot.checks.not_slower import NotSlower
from bot.checks.witness_gone import WitnessGone
from bot.domain import Category, Finding, Witness
from bot.kinds import Measured


def measured(ratio: float, width: float = 0.02, **more: Any) -> Measured:
    given: dict[str, Any] = {"seconds_old": 1e-3, "seconds_new": 1e-3 * ratio, "arguments": "[1, 2]", "pairs": 80}
    return Measured(ratio=ratio, low=ratio * (1 - width), high=ratio * (1 + width), **{**given, **more})


def slow(rule: str = "performance/growth", **more: Any) -> Finding:
    witness = Witness("measure", (), "", "", measured=measured(9.0, **more))
    return replace(finding(), rule=rule, category=Category.PERFORMANCE, witness=witness)


def seen(**more: Any) -> Trialled:
    return replace(trialled(), **more)


# --------------------------------------------------------------------------------------------------- not-slower


def test_a_rewrite_that_is_much_slower_is_refused_with_its_times() -> None:
    told = measured(4.0, exponent_old=1.0, exponent_new=2.0)
    judged = NotSlower().judge(seen(slower=told, measured=told))
    assert not judged.ok
    assert judged.detail.startswith("slower: 1.00 ms became 4.0 ms on [1, 2] (4.0 times as long")
    assert "growth 1.0 became 2.0" in judged.detail


def test_a_rewrite_that_is_not_says_what_was_measured() -> None:
    judged = NotSlower().judge(seen(measured=measured(1.1), against="base"))
    assert judged.ok
    assert "1.10 times base's time" in judged.detail


def test_what_cannot_be_measured_is_no_reason_to_refuse() -> None:
    judged = NotSlower().judge(seen(unmeasured="no call was recorded"))
    assert judged.ok
    assert judged.detail == "not measured: no call was recorded"
    assert NotSlower().judge(seen()).ok


# ------------------------------------------------------------------------------------------------- witness-gone


@pytest.mark.parametrize(("ratio", "width", "gone"), [(0.2, 0.02, True), (0.95, 0.02, False), (0.8, 0.4, False)])
def test_slowness_is_gone_when_the_rewrite_is_faster(ratio: float, width: float, gone: bool) -> None:
    judged = WitnessGone().judge(seen(finding=slow(), measured=measured(ratio, width)))
    assert judged.ok is gone
    assert "at head" in judged.detail


def test_the_margin_is_what_was_asked_for() -> None:
    about = seen(finding=slow(), measured=measured(0.8, 0.01))
    assert WitnessGone().judge(about).ok
    assert not WitnessGone().judge(replace(about, least_gain=0.5)).ok


def test_slowness_that_was_not_measured_anew_is_not_gone() -> None:
    judged = WitnessGone().judge(seen(finding=slow(), unmeasured="the race broke"))
    assert not judged.ok
    assert "the race broke" in judged.detail


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [({"sql": 12}, {"sql": 1}, True), ({"sql": 12}, {"sql": 12}, False), ({}, {}, False), ({"sql": 2}, {}, True)],
)
def test_queries_are_counted_again(old: dict[str, int], new: dict[str, int], gone: bool) -> None:
    told = measured(1.0, events_old=old, events_new=new)
    about = slow("performance/more-queries", events_old={"sql": 1}, events_new={"sql": 12})
    assert WitnessGone().judge(seen(finding=about, measured=told)).ok is gone


@pytest.mark.parametrize(("old", "new", "gone"), [(3000, 1000, True), (3000, 2500, False), (3000, 0, False)])
def test_memory_is_measured_again(old: int, new: int, gone: bool) -> None:
    told = measured(1.0, memory_old_kb=old, memory_new_kb=new)
    assert WitnessGone().judge(seen(finding=slow("performance/memory"), measured=told)).ok is gone

"""What is said of times: severity, heading, message, and the lines that a finding points at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample_trials import changed

from bot.domain import Severity
from bot.kinds import Measured
from bot.measuring import Shown
from bot.steps.slower import finding_of, growth, lines_of


def measured(ratio: float, **more: Any) -> Measured:
    given: dict[str, Any] = {"seconds_old": 1e-3, "seconds_new": 1e-3 * ratio, "arguments": "[1, 2]", "pairs": 80}
    return Measured(ratio=ratio, low=ratio * 0.98, high=ratio * 1.02, **{**given, **more})


@pytest.mark.parametrize(
    ("rule", "ratio", "severity"),
    [
        ("slower", 1.3, Severity.LOW),
        ("slower", 2.0, Severity.MEDIUM),
        ("slower", 3.5, Severity.HIGH),
        ("growth", 4.0, Severity.MEDIUM),
        ("growth", 40.0, Severity.HIGH),
        ("more-queries", 9.0, Severity.MEDIUM),
        ("memory", 1.0, Severity.MEDIUM),
    ],
)
def test_the_severity_is_what_was_shown(rule: str, ratio: float, severity: Severity) -> None:
    found = finding_of(changed(), Shown(rule, measured(ratio), 0, "sql"))
    assert (found.severity, found.rule) == (severity, f"performance/{rule}")
    assert found.witness.kind == "measure"
    assert found.title
    assert found.message


def test_a_message_names_input_times_and_interval() -> None:
    found = finding_of(changed(), Shown("slower", measured(1.3), 0))
    assert found.title == "`total` now takes 30% longer"
    assert "`total([1, 2])` takes 1.30 ms at head and 1.00 ms at base: 30% longer" in found.message
    assert "99% interval +27% to +33%, 80 pairs of calls" in found.message


def test_growth_is_told_by_what_more_data_costs() -> None:
    told = growth(measured(60.0, exponent_old=1.0, exponent_new=2.0))
    assert "8 times as much data takes 64 times as long, where it took 8 times as long" in told
    flat = growth(measured(60.0, exponent_old=0.0, exponent_new=1.0))
    assert "where it took about as long" in flat
    assert growth(measured(2.0)) == "Both give the same result."


def test_queries_and_memory_are_told_in_numbers() -> None:
    queries = measured(3.0, events_old={"sql": 1}, events_new={"sql": 12}, scale=4)
    found = finding_of(changed(), Shown("more-queries", queries, 0, "sql"))
    assert "12 SQL statements at head and 1 at base" in found.message
    assert "4 times the data that a test passes" in found.message
    memory = measured(1.0, memory_old_kb=1000, memory_new_kb=4000)
    assert "needs 4000 KiB" in finding_of(changed(), Shown("memory", memory, 0)).message


def test_arguments_cannot_break_out_of_a_message() -> None:
    told = measured(1.3, arguments="'`evil`\n" + "x" * 500)
    message = finding_of(changed(), Shown("slower", told, 0)).message
    assert "`evil" not in message
    assert "\n" not in message
    assert "x" * 100 not in message


def test_a_finding_is_the_same_one_on_the_next_push() -> None:
    one = finding_of(changed(), Shown("slower", measured(1.3), 0))
    moved = finding_of(replace(changed(), changed_lines=(8,)), Shown("slower", measured(1.6), 1))
    assert one.id == moved.id


def test_the_first_changed_lines_in_a_row_are_pointed_at() -> None:
    assert lines_of(changed(lines=(6, 7, 9))) == (6, 7)
    assert lines_of(changed(lines=(4, 7))) == (7,)
    assert lines_of(changed(lines=(4,))) == (4,)
    assert lines_of(changed(lines=())) == (4,)

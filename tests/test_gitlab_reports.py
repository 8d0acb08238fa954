"""A review as GitLab's Code Quality and SAST reports: valid by GitLab's formats, stable, harmless, bounded."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_proofs import ATTACK, ATTACK_MENDED, CRASH, KINDS, SLOWER
from sample_reviews import CLEAN, FINDING, FOUND, FOUND_BY_MODEL, FOUND_WITHOUT, NEUTRAL, NOTHING, WITH_REWRITE

from bot import code_quality as module
from bot import sast as sast_module
from bot.code_quality import SEVERITIES, code_quality
from bot.domain import Category, Finding, Problem, Review, Reviewed, Severity
from bot.forges.local import Local
from bot.render import Caps
from bot.sast import sast

SAMPLES = Path(__file__).parent / "samples"
QUALITY = jsonschema.Draft7Validator(json.loads((SAMPLES / "gitlab_codequality.schema.json").read_text("utf-8")))
SAST = jsonschema.Draft7Validator(json.loads((SAMPLES / "gitlab_sast.schema.json").read_text("utf-8")))
ENDED = datetime(2026, 3, 1, 12, 30, 5, 999_999, tzinfo=timezone(timedelta(hours=2)))
ALL = [CLEAN, NOTHING, NEUTRAL, FOUND, FOUND_WITHOUT, FOUND_BY_MODEL, KINDS]


def entries(review: Review) -> list[dict[str, Any]]:
    """The Code Quality report, which must be valid."""
    text = code_quality(review)
    assert text.isascii()
    data: list[dict[str, Any]] = json.loads(text)
    assert [error.message for error in QUALITY.iter_errors(data)] == []
    return data


def report(review: Review, ended: datetime = ENDED) -> dict[str, Any]:
    """The SAST report, which must be valid."""
    text = sast(review, ended=ended)
    assert text.isascii()
    data: dict[str, Any] = json.loads(text)
    assert [error.message for error in SAST.iter_errors(data)] == []
    return data


def of(*findings: Finding) -> Review:
    return replace(FOUND, findings=tuple(replace(WITH_REWRITE, finding=finding) for finding in findings))


@pytest.mark.parametrize("review", ALL)
def test_every_review_makes_valid_reports(review: Review) -> None:
    told = [item for item in review.findings if not item.ignored]
    assert len(entries(review)) == len({item.finding.id for item in told})
    secure = [item for item in told if item.finding.category is Category.SECURITY]
    assert len(report(review)["vulnerabilities"]) == len(secure)


def test_an_entry_says_what_happens_where_and_how_it_was_proven() -> None:
    (entry,) = entries(FOUND)
    assert entry["fingerprint"] == FINDING.id
    assert entry["location"] == {"path": "shop/cart.py", "lines": {"begin": 13, "end": 13}}
    assert (entry["check_name"], entry["severity"]) == ("tryline/tests/regression", "critical")
    assert entry["description"] == (
        "`total` leaves out the first price. `total([3, 4])` returns 4; at base it returns 7. A rewrite passed "
        f"24 tests: tryline replay {FINDING.id}"
    )


def test_a_fingerprint_does_not_move_with_the_lines() -> None:
    moved = replace(FINDING, start_line=400, end_line=401)
    assert entries(of(moved))[0]["fingerprint"] == entries(of(FINDING))[0]["fingerprint"]


def test_severities_are_gitlab_s_and_keep_their_order() -> None:
    order = ["info", "minor", "major", "critical", "blocker"]
    ranks = [order.index(SEVERITIES[severity]) for severity in Severity]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_what_was_ignored_is_in_neither_and_one_fingerprint_is_told_once() -> None:
    ignored = replace(ATTACK_MENDED, ignored=True)
    review = replace(FOUND, findings=(ignored, WITH_REWRITE, WITH_REWRITE))
    assert [entry["fingerprint"] for entry in entries(review)] == [FINDING.id]
    assert report(review)["vulnerabilities"] == []


def test_security_alone_is_in_the_sast_report() -> None:
    (entry,) = report(of(ATTACK, CRASH, SLOWER))["vulnerabilities"]
    assert entry["id"] == ATTACK.id
    own, cwe = entry["identifiers"]
    assert own["value"] == ATTACK.rule
    assert (cwe["type"], cwe["value"], cwe["name"]) == ("cwe", str(ATTACK.cwe), f"CWE-{ATTACK.cwe}")
    assert ATTACK.title.replace("`", "") not in entry["name"]
    assert entry["tracking"]["items"][0]["signatures"] == [{"algorithm": "hash", "value": ATTACK.id}]


def test_a_weakness_without_a_number_has_an_identifier_all_the_same() -> None:
    (entry,) = report(of(replace(ATTACK, cwe=0)))["vulnerabilities"]
    assert [identifier["type"] for identifier in entry["identifiers"]] == ["tryline_rule"]


def test_times_are_in_utc_without_zone_and_fraction() -> None:
    scan = report(replace(FOUND, costs=replace(FOUND.costs, seconds=65.5)))["scan"]
    assert (scan["start_time"], scan["end_time"]) == ("2026-03-01T10:29:00", "2026-03-01T10:30:05")


def test_a_review_that_could_not_run_is_a_failed_scan_that_says_why() -> None:
    scan = report(NEUTRAL)["scan"]
    assert scan["status"] == "failure"
    assert "No tests were found" in scan["messages"][0]["value"]
    empty = replace(NEUTRAL, problems=(Problem("no-tests", "\x1b[0m"),))
    assert report(empty)["scan"]["messages"][0]["value"] == "no-tests"
    assert report(CLEAN)["scan"]["status"] == "success"


def test_large_reviews_are_cut_worst_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    monkeypatch.setattr(sast_module, "MAX_FINDINGS", 2)
    many = [replace(ATTACK, anchor=str(number), severity=Severity.LOW) for number in range(5)]
    review = of(*many, replace(ATTACK, anchor="worst", severity=Severity.CRITICAL))
    assert [entry["severity"] for entry in entries(review)] == ["blocker", "minor", "minor"]
    assert [entry["severity"] for entry in report(review)["vulnerabilities"]] == ["Critical", "Low"]


HOSTILE = st.lists(
    st.characters(codec=None) | st.sampled_from(["\x1b[0m", "\r", "\x00", "\ud800", "section_end:1:x\r\x1b[0K"]),
    max_size=40,
).map("".join)


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.integers(-5, 10**7), st.integers(-5, 10**7))
def test_hostile_texts_break_no_report(
    title: str, message: str, rule: str, path: str, name: str, start: int, end: int
) -> None:
    head = replace(ATTACK.function.head, path=path or "x", qualname=name)
    finding = replace(
        ATTACK,
        title=title,
        message=message,
        rule=rule,
        function=replace(ATTACK.function, head=head),
        start_line=start,
        end_line=end,
        witness=replace(ATTACK.witness, command=message),
    )
    for item in (replace(WITH_REWRITE, finding=finding), Reviewed(finding, None, None)):
        review = replace(FOUND, findings=(item,))
        (entry,) = entries(review)
        assert entry["location"]["lines"]["begin"] <= entry["location"]["lines"]["end"]
        (told,) = report(review)["vulnerabilities"]
        for text in (entry["description"], told["description"].replace("\n\n", ""), told["name"]):
            assert not set(text) & {"\x1b", "\r", "\n", "\x00"}


def test_no_secret_of_the_code_stands_in_them() -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"
    review = of(replace(ATTACK, message=f"with {secret}", title=secret))
    assert secret not in code_quality(review)
    assert secret not in sast(review, ended=ENDED)


def test_both_are_written_to_files(tmp_path: Path) -> None:
    files = {tmp_path / "gl-code-quality-report.json": "codequality", tmp_path / "gl-sast-report.json": "sast"}
    Local(files, Caps(5), lambda: ENDED.astimezone(UTC)).publish(KINDS)  # type: ignore[arg-type]
    assert (tmp_path / "gl-code-quality-report.json").read_text("utf-8") == code_quality(KINDS)
    assert (tmp_path / "gl-sast-report.json").read_text("utf-8") == sast(KINDS, ended=ENDED)


def test_a_page_says_when_the_review_ended(tmp_path: Path) -> None:
    Local({tmp_path / "tryline.html": "html"}, Caps(5), lambda: ENDED).publish(FOUND)
    text = (tmp_path / "tryline.html").read_text("utf-8")
    assert text.startswith("<!doctype html>") or text.startswith("<!DOCTYPE html>")
    assert "2026-03-01" in text

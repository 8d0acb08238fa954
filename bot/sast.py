"""A review's security findings as GitLab's SAST report, by its schema 15.0.

GitLab drops a report whole that breaks its schema anywhere: no empty string where one is not allowed, times
without zone or fraction, an identifier for each finding. The texts are cleaned, on one line and bounded.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from bot import __version__, wording
from bot.code_quality import identifier, path
from bot.domain import Category, Conclusion, Review, Reviewed, Severity
from bot.guarding import redact
from bot.record import replay_command
from bot.render import counted, one_line, rank

VERSION = "15.0.7"
"""Of the schema. GitLab 16 and later take 15.0; of a patch that it does not know it takes its newest."""
MAX_FINDINGS = 1_000
"""That GitLab keeps of one report lies above; a page with more helps nobody."""

_SEVERITIES = {
    Severity.CRITICAL: "Critical",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
}
_ANALYZER = {"id": "tryline", "name": "Tryline", "version": __version__, "vendor": {"name": "Tryline"}}


def sast(review: Review, *, ended: datetime) -> str:
    """The text of `gl-sast-report.json` of a review that ended then, in whatever zone that is told."""
    found: dict[str, dict[str, Any]] = {}
    for item in rank(review.findings):
        if item.finding.category is Category.SECURITY and not item.ignored and len(found) < MAX_FINDINGS:
            found.setdefault(item.finding.id, _vulnerability(item))
    scan: dict[str, Any] = {
        "analyzer": _ANALYZER,
        "scanner": _ANALYZER,
        "type": "sast",
        "start_time": _time(ended - timedelta(seconds=max(0.0, min(review.costs.seconds, 1e7)))),
        "end_time": _time(ended),
        "status": "failure" if review.conclusion is Conclusion.NEUTRAL else "success",
    }
    messages = [
        {"level": "warn", "value": _text(problem.message, 500) or problem.slug} for problem in review.problems
    ]
    if messages:
        scan["messages"] = messages[:50]
    report = {"version": VERSION, "scan": scan, "vulnerabilities": list(found.values())}
    return json.dumps(report, indent=2, ensure_ascii=True) + "\n"


def _vulnerability(item: Reviewed) -> dict[str, Any]:
    finding = item.finding
    function = finding.function.head
    rule = identifier(finding.rule)
    identifiers = [{"type": "tryline_rule", "name": f"Tryline {rule}", "value": rule}]
    if finding.cwe > 0:
        identifiers.append(
            {
                "type": "cwe",
                "name": wording.weakness(finding.cwe),
                "value": str(finding.cwe),
                "url": wording.weakness_url(finding.cwe),
            }
        )
    start = max(1, finding.start_line)
    place = {"file": path(function.path), "start_line": start, "end_line": max(start, finding.end_line)}
    entry: dict[str, Any] = {
        "id": finding.id,
        "name": _name(rule),
        "description": _description(item),
        "severity": _SEVERITIES[finding.severity],
        "identifiers": identifiers,
        "location": {**place, "method": one_line(function.qualname, 200) or "?"},
        # Known again by its id, whatever lines have moved.
        "tracking": {
            "type": "source",
            "items": [{**place, "signatures": [{"algorithm": "hash", "value": finding.id}]}],
        },
    }
    if item.rewrite is not None:
        entry["solution"] = _solution(item)
    return entry


def _name(rule: str) -> str:
    """What findings of the rule are called: nothing of this one finding is in it."""
    words = rule.removeprefix("security/").replace("-", " ").replace("/", ": ").strip()
    return (words[:1].upper() + words[1:]) or "Weakness"


def _description(item: Reviewed) -> str:
    finding = item.finding
    parts = [f"{_text(finding.title, 300).rstrip('.')}. {_text(finding.message, 1500)}"]
    if finding.witness.command.strip():
        parts.append(f"Witness: {_text(finding.witness.command, 500)}")
    return "\n\n".join(parts)


def _solution(item: Reviewed) -> str:
    rewrite = item.rewrite
    assert rewrite is not None  # noqa: S101
    verdict = rewrite.verdict
    return (
        f"A rewrite {wording.verified(verdict)}passed {counted(verdict.tests_run, 'test')} in a fresh container; "
        f"it stands on the merge request and in the result. Once more: {replay_command(item.finding.id)}"
    )


def _time(moment: datetime) -> str:
    """`2026-01-31T12:00:00`, in UTC as GitLab takes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _text(text: str, limit: int) -> str:
    return one_line(redact(text), limit)

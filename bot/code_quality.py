"""A review as GitLab's Code Quality report: one entry a finding, which keeps its fingerprint over pushes.

GitLab stops reading at the first entry that is not as it expects, so every entry holds all that it asks for. What
it shows, it escapes; the texts here are cleaned, on one line and bounded all the same.
"""

from __future__ import annotations

import json
import re
from typing import Any

from bot import wording
from bot.domain import Category, Review, Reviewed, Severity
from bot.guarding import redact
from bot.record import replay_command
from bot.render import counted, one_line, rank

MAX_ENTRIES = 5_000
"""The report is kept small enough for a merge request's page."""

SEVERITIES = {
    Severity.CRITICAL: "blocker",
    Severity.HIGH: "critical",
    Severity.MEDIUM: "major",
    Severity.LOW: "minor",
}
"""GitLab's words. `info` is for what is no problem, which a finding always is."""

_CATEGORIES = {
    Category.CORRECTNESS: "Bug Risk",
    Category.SECURITY: "Security",
    Category.PERFORMANCE: "Performance",
}


def code_quality(review: Review) -> str:
    """The text of `gl-code-quality-report.json`: an empty list where nothing is to be told.

    Findings that somebody asked to ignore are left out. Entries with one fingerprint would collapse into one at
    GitLab: the first, which ranks highest, stays.
    """
    entries: dict[str, dict[str, Any]] = {}
    for item in rank(review.findings):
        if not item.ignored and len(entries) < MAX_ENTRIES:
            entries.setdefault(item.finding.id, _entry(item))
    return json.dumps(list(entries.values()), indent=2, ensure_ascii=True) + "\n"


def _entry(item: Reviewed) -> dict[str, Any]:
    finding = item.finding
    begin = max(1, finding.start_line)
    return {
        "type": "issue",
        "check_name": f"tryline/{identifier(finding.rule)}",
        "description": _description(item),
        "categories": [_CATEGORIES.get(finding.category, "Bug Risk")],
        "fingerprint": finding.id,
        "severity": SEVERITIES[finding.severity],
        "location": {
            "path": path(finding.function.head.path),
            "lines": {"begin": begin, "end": max(begin, finding.end_line)},
        },
    }


def identifier(rule: str) -> str:
    """A rule's name, which a report may not hold everything in."""
    return re.sub(r"[^A-Za-z0-9._/-]", "-", rule)[:100] or "unknown"


def path(name: str) -> str:
    """A file of the repository as text of a report; bytes of its name that are no UTF-8 become question marks."""
    return name.encode("utf-8", "replace").decode("utf-8").removeprefix("./") or "?"


def _description(item: Reviewed) -> str:
    """What happens, how it was shown, what was proven: the only text that GitLab shows."""
    finding = item.finding
    parts = [f"{_text(finding.title, 200).rstrip('.')}. {_text(finding.message, 600)}"]
    if item.rewrite is not None:
        verdict = item.rewrite.verdict
        parts.append(
            f"A rewrite {wording.verified(verdict)}passed {counted(verdict.tests_run, 'test')}: "
            f"{replay_command(finding.id)}"
        )
    return " ".join(part for part in parts if part)


def _text(text: str, limit: int) -> str:
    return one_line(redact(text), limit)

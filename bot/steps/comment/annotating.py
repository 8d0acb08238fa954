"""Findings as annotations of a check or a log: plain text, where nothing is read as mark-up."""

# Without the usual import from __future__: it would take the name of what this file makes.

from bot import render, wording
from bot.domain import Finding, Review, Reviewed, Severity
from bot.plan import Annotation, Level

_LEVELS = {
    Severity.LOW: Level.NOTICE,
    Severity.MEDIUM: Level.WARNING,
    Severity.HIGH: Level.FAILURE,
    Severity.CRITICAL: Level.FAILURE,
}
_TITLE, _MESSAGE = 200, 3500
"""Characters of an annotation; a runner cuts a line of its log at 4,096."""


def annotations(review: Review) -> tuple[Annotation, ...]:
    """The findings that nobody ignores as plain text for lines of a check or a log, worst first."""
    return tuple(_annotation(item) for item in render.rank(review.findings) if not item.ignored)


def _annotation(item: Reviewed) -> Annotation:
    finding = item.finding
    rewrite = item.rewrite
    message = [render.one_line(render.secretless(finding.message), 2000)]
    if rewrite is not None:
        passed = render.counted(rewrite.verdict.tests_run, "test")
        apart = wording.verified(rewrite.verdict)
        proven = f"A {rewrite.label} of {render.lines(*_lines(item))} {apart}passed {passed}."
        message.append(" ".join(filter(None, (proven, wording.besides(rewrite.verdict)))))
    if finding.witness.measured is not None:
        old, new = wording.sides(finding)
        message.append(f"Measured: {new} {wording.pace(finding.witness.measured, old)}.")
    if finding.witness.command.strip():
        message.append(f"Run: {render.one_line(render.secretless(finding.witness.command), 1000)}")
    return Annotation(
        path=finding.function.head.path,
        start_line=finding.start_line,
        end_line=max(finding.start_line, finding.end_line),
        level=_LEVELS[finding.severity],
        title=render.one_line(render.secretless(_title(finding)), _TITLE),
        message=render.clip("\n".join(message), _MESSAGE),
        finding=finding.id,
    )


def _title(finding: Finding) -> str:
    """With the number of the weakness, which people look for."""
    return f"{finding.title} ({wording.weakness(finding.cwe)})" if finding.cwe else finding.title


def _lines(item: Reviewed) -> tuple[int, int]:
    place = item.rewrite.suggestion if item.rewrite is not None else item.finding
    return place.start_line, max(place.start_line, place.end_line)

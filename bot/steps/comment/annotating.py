"""Findings as annotations of a check or a log: plain text, where nothing is read as mark-up."""

# Without the usual import from __future__: it would take the name of what this file makes.

from bot import render
from bot.domain import Review, Reviewed, Severity
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
        message.append(f"A {rewrite.label} of {render.lines(*_lines(item))} passed {passed}.")
    message.append(f"Run: {render.one_line(render.secretless(finding.witness.command), 1000)}")
    return Annotation(
        path=finding.function.head.path,
        start_line=finding.start_line,
        end_line=max(finding.start_line, finding.end_line),
        level=_LEVELS[finding.severity],
        title=render.one_line(render.secretless(finding.title), _TITLE),
        message=render.clip("\n".join(message), _MESSAGE),
        finding=finding.id,
    )


def _lines(item: Reviewed) -> tuple[int, int]:
    place = item.rewrite.suggestion if item.rewrite is not None else item.finding
    return place.start_line, max(place.start_line, place.end_line)

"""What an audit comes to: all results as one value, held against the audits before."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot import __version__
from bot.audit.desk import Desk
from bot.audit.observation import Seen
from bot.audit.survey import Survey
from bot.audit.tasks import Ran
from bot.audit.turns import Row, counted_of
from bot.audit_state import Under
from bot.audited import Attention, Audit, AuditedFinding, AuditedFunction, Standing
from bot.domain import (
    Change,
    ChangedFunction,
    Conclusion,
    Function,
    FunctionReport,
    Problem,
    Review,
    Reviewed,
    Suspicion,
)
from bot.draft import counted


def gathered(
    desk: Desk,
    survey: Survey,
    seen: Seen,
    rows: Sequence[Row],
    ran: Ran,
    under: Under,
) -> Audit:
    """All of it as one value."""
    since = desk.state.since()
    reports: list[FunctionReport] = []
    items: list[Reviewed] = []
    unproven: list[Suspicion] = []
    for row in rows:
        last = desk.state.result(row.name) if row.kept is not None else None
        if last is None or not last.functions:
            reports.append(observed_again(FunctionReport(row.changed, 0, 0, (), whole=False), survey, seen))
            continue
        moved = Moved(
            row.changed, last.functions[0].function.head, survey.files[row.changed.head.path] == kept_file(row)
        )
        report = moved.report(last.functions[0], whole=row.attention in DONE)
        reports.append(observed_again(report, survey, seen))
        items += (moved.item(item) for item in last.findings)
        unproven += (moved.suspicion(suspicion) for suspicion in last.unproven)
    items.sort(
        key=lambda item: (-item.finding.severity.rank, item.finding.function.head.path, item.finding.start_line)
    )
    findings = tuple(standing(item, since, under) for item in items)
    problems = (*problems_of(seen, rows), *ran.problems)
    review_ = Review(
        id=under.id,
        change=Change(survey.revision, survey.revision, ()),
        conclusion=conclusion_of(items, problems, rows),
        functions=tuple(reports),
        findings=tuple(items),
        not_reviewed=survey.found.not_reviewed,
        unproven=tuple(unproven),
        test_changes=(),
        problems=problems,
        costs=replace(ran.costs, seconds=time.monotonic() - desk.began),
        environment={**ran.environment, **seen.environment, "tryline": __version__},
        suite={"head": counted(seen.evidence.head)} if seen.evidence is not None else {},
        flaky=tuple(sorted(seen.evidence.flaky)) if seen.evidence is not None else (),
        notes=tuple(ran.notes),
    )
    return Audit(
        id=under.id,
        revision=survey.revision,
        when=under.at,
        functions=tuple(audited(row, seen, report) for row, report in zip(rows, reports, strict=True)),
        findings=findings,
        fixed=desk.state.fixed(under),
        review=review_,
        paths=survey.paths,
        previous=desk.state.previous(under),
    )


def observed_again(report: FunctionReport, survey: Survey, seen: Seen) -> FunctionReport:
    """The report with what this audit's own run of the suite shows of the function, where there was one."""
    if seen.evidence is None:
        return report
    function = report.function.head
    code = survey.languages[function.path].code_lines(survey.texts[function.path], function)
    return replace(
        report,
        tests=len(seen.tests.get(function.id, ())),
        calls=len(seen.evidence.head.calls.get(function.id, ())),
        unexecuted_lines=tuple(sorted(code - seen.ran.get(function.id, frozenset()))),
    )


def looked_for(desk: Desk, seen: Seen, turns: int) -> Iterator[str]:
    """What the silence about a function means, and what was run for it."""
    prove, notes = desk.config.prove, ["tests that fail"]
    notes += ["crashes on inputs that reach lines no test runs"] * prove.behaviour
    notes += ["payloads that reach their target"] * prove.security
    notes += ["time that can be saved"] * prove.performance
    notes += ["what analysers suspect"] * prove.analysers
    model = "what a model suspects" if desk.parts.model is not None and desk.config.guidance.review else ""
    yield f"Looked for: {', '.join([*notes, *filter(None, (model,))])}{'' if model else '; no model was asked'}."
    if seen.evidence is not None and seen.costs.executions:
        watched = counted_of(len(seen.tests), "function")
        yield f"The suite was run in {seen.evidence.head.seconds:.1f} s; it executes {watched}."
    elif turns and seen.evidence is not None:
        yield "The suite was run on this very tree by an audit before, which was interrupted or over budget."


DONE = (Attention.AUDITED, Attention.UNCHANGED)


def kept_file(row: Row) -> str:
    """Digest of the file that a row's result stands for."""
    return row.kept.file if row.kept is not None else ""


@dataclass(frozen=True)
class Moved:
    """What was said of a function, said of where it stands now."""

    now: ChangedFunction
    then: Function
    same: bool
    """Whether its file is byte for byte as it was."""

    def line(self, number: int) -> int:
        """A line of then as a line of now, within the function."""
        head = self.now.head
        return min(max(number + head.start_line - self.then.start_line, head.start_line), head.end_line)

    def report(self, report: FunctionReport, *, whole: bool) -> FunctionReport:
        """What was seen of it."""
        lines = tuple(dict.fromkeys(self.line(number) for number in report.unexecuted_lines))
        return replace(report, function=self.now, unexecuted_lines=lines, whole=report.whole and whole)

    def suspicion(self, suspicion: Suspicion) -> Suspicion:
        """What was suspected of it."""
        return replace(suspicion, function=self.now, suspicious_lines=self.scores(suspicion.suspicious_lines))

    def scores(self, lines: Mapping[int, float]) -> dict[int, float]:
        """How suspicious its lines are."""
        return {self.line(number): score for number, score in lines.items()}

    def item(self, item: Reviewed) -> Reviewed:
        """What was found in it; a rewrite holds for the very text alone for which it was proven."""
        if self.same:
            return item
        finding = item.finding
        moved = replace(
            finding,
            function=self.now,
            start_line=self.line(finding.start_line),
            end_line=self.line(finding.end_line),
            suspicious_lines=self.scores(finding.suspicious_lines),
        )
        why = "its file has changed since, and its turn to be audited again has not come"
        return Reviewed(moved, None, None, why_no_rewrite=why, ignored=item.ignored)


def standing(item: Reviewed, since: Mapping[str, str], under: Under) -> AuditedFinding:
    """A finding, held against the audits before."""
    first = since.get(item.finding.id, under.at)
    return AuditedFinding(item, Standing.NEW if first >= under.at else Standing.STILL, first)


def conclusion_of(items: Sequence[Reviewed], problems: Sequence[Problem], rows: Sequence[Row]) -> Conclusion:
    """One word; an audit that could not run what matters is never clean."""
    if any(not item.ignored for item in items):
        return Conclusion.FINDINGS
    if problems or any(row.attention is Attention.OVER_BUDGET for row in rows):
        return Conclusion.NEUTRAL
    return Conclusion.CLEAN if rows else Conclusion.NOTHING


def problems_of(seen: Seen, rows: Sequence[Row]) -> tuple[Problem, ...]:
    """What did not run: the suite, and functions that failed, those of one reason in one sentence."""
    problems = list(seen.problems)
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row.attention is Attention.FAILED and not seen.failed:
            reasons.setdefault(row.why, []).append(row.name)
    for why, names in reasons.items():
        many = f"{names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        problems.append(Problem("not-audited", f"{many}: {why}"))
    return tuple(problems)


def audited(row: Row, seen: Seen, report: FunctionReport) -> AuditedFunction:
    """One function's row in the audit."""
    kept_ = row.kept
    return AuditedFunction(
        function=row.changed.head,
        key=row.key,
        risk=row.risk,
        attention=row.attention,
        when=kept_.at if kept_ is not None else "",
        tests=len(seen.tests.get(row.name, ())),
        calls=report.calls,
        seconds=kept_.seconds if kept_ is not None else 0.0,
        executions=kept_.executions if kept_ is not None else 0,
        why=row.why,
    )

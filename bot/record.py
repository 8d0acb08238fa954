"""The saved result: a review as documented, versioned JSON, and back."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot import __version__
from bot.audited import Audit, AuditedFinding, AuditedFunction, FixedFinding, Risk
from bot.domain import (
    Call,
    Candidate,
    Change,
    ChangedFunction,
    Costs,
    DiffLine,
    Edit,
    FileDiff,
    Finding,
    Frame,
    Function,
    FunctionReport,
    Hunk,
    Judgement,
    LineStep,
    MatrixRow,
    NotReviewed,
    Probe,
    Problem,
    Proposal,
    Rejected,
    Replacement,
    Review,
    Reviewed,
    Revision,
    Rewrite,
    RungRun,
    Search,
    Suspicion,
    Target,
    TestChange,
    Trial,
    TrialResult,
    Usage,
    Verdict,
    Witness,
)
from bot.errors import UsageError
from bot.kinds import Difference, Measured
from bot.result import (
    AUDIT_SCHEMA,
    FLOOR,
    MOST_SEEN,
    SCHEMA,
    SCHEMA_VERSION,
    AuditedFunctionRecord,
    CandidateRecord,
    DefinedRecord,
    DefinitionRecord,
    FileRecord,
    FindingRecord,
    FunctionRecord,
    HunkRecord,
    MeasuredRecord,
    Record,
    SearchRecord,
    TrialRecord,
    UnprovenRecord,
    VerdictRecord,
    WitnessRecord,
    audit_schema,
    inside,
    invalid,
    parsed,
    parsed_audit,
    schema,
    written,
    written_audit,
)

__all__ = [
    "SCHEMA_VERSION",
    "audit_dumps",
    "audit_from_json",
    "audit_schema",
    "dumps",
    "find",
    "from_json",
    "load",
    "load_audit",
    "replay_command",
    "save",
    "schema",
    "to_json",
    "write_atomically",
]

MOST_BYTES = 16 * 1024 * 1024
"""Of a result that is read from a file, and that is written where its search can be left out for it."""

MOST_AUDIT_BYTES = 256 * 1024 * 1024
"""The same of an audit of a whole repository."""

# ------------------------------------------------------------------------------------------------------- out


def to_json(review: Review) -> dict[str, Any]:
    """The review as the documented JSON value (docs/result.md), valid against `schema()`."""
    raw = {
        "schema": SCHEMA,
        "tryline": review.environment.get("tryline", __version__),
        "id": review.id,
        "conclusion": review.conclusion,
        "change": {
            "base": vars(review.change.base),
            "head": vars(review.change.head),
            "files": [_file(file) for file in review.change.files],
        },
        "findings": [_finding(reviewed) for reviewed in review.findings],
        "functions": [_function(report) for report in review.functions],
        "not_reviewed": [vars(item) for item in review.not_reviewed],
        "unproven": [_unproven(suspicion) for suspicion in review.unproven],
        "test_changes": [vars(change) for change in review.test_changes],
        "problems": [vars(problem) for problem in review.problems],
        "flaky": review.flaky,
        "suite": {side: dict(counts) for side, counts in review.suite.items()},
        "costs": {**vars(review.costs), "usage": vars(review.costs.usage)},
        "environment": dict(review.environment),
        "notes": review.notes,
        "target": vars(review.target) if review.target else None,
    }
    return written(_clean(raw))


def dumps(review: Review, limit: int = MOST_BYTES) -> str:
    """The review as JSON text, indented, ending in a newline.

    Where it would be larger than `limit` bytes, and nobody would read it, the trials of the searches are left
    out, and a note says so.
    """
    text = _text(review)
    if len(text.encode()) <= limit or not any(item.search and item.search.steps for item in review.findings):
        return text
    return _text(_short(review, limit))


def audit_dumps(audit: Audit, limit: int = MOST_AUDIT_BYTES) -> str:
    """The audit as documented JSON text (docs/audit.md), ending in a newline.

    Where it would be larger than `limit` bytes, the trials of the searches are left out.
    """
    text = json.dumps(_audit(audit), ensure_ascii=False, allow_nan=False) + "\n"
    if len(text.encode()) <= limit:
        return text
    return json.dumps(_audit(replace(audit, review=_short(audit.review, limit))), ensure_ascii=False) + "\n"


def _audit(audit: Audit) -> dict[str, Any]:
    raw = {
        "schema": AUDIT_SCHEMA,
        "tryline": audit.review.environment.get("tryline", __version__),
        "id": audit.id,
        "when": audit.when,
        "previous": audit.previous,
        "paths": audit.paths,
        "complete": audit.complete,
        "functions": [
            {
                **vars(row),
                "path": row.function.path,
                "function": row.function.qualname,
                "start_line": row.function.start_line,
                "end_line": row.function.end_line,
                "risk": vars(row.risk),
            }
            for row in audit.functions
        ],
        "findings": [
            {"id": row.item.finding.id, "standing": row.standing, "since": row.since} for row in audit.findings
        ],
        "fixed": [vars(row) for row in audit.fixed],
        "review": to_json(audit.review),
    }
    return written_audit(_clean(raw))


def _short(review: Review, limit: int) -> Review:
    """The review without the trials of its searches."""
    note = f"The record of the searches is left out: with it the result would be larger than {limit:,} bytes."
    findings = tuple(
        replace(item, search=replace(item.search, steps=()) if item.search else None) for item in review.findings
    )
    return replace(review, findings=findings, notes=(*review.notes, note))


def _text(review: Review) -> str:
    return json.dumps(to_json(review), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _file(file: FileDiff) -> dict[str, Any]:
    return {**_some(file, FileRecord), "hunks": [_hunk(hunk) for hunk in file.hunks]}


def _hunk(hunk: Hunk) -> dict[str, Any]:
    # Numbers are what a run that only posts needs: which lines can bear a comment. The text is in the repository.
    kinds = ("+" if line.old is None else "-" if line.new is None else " " for line in hunk.lines)
    return {**vars(hunk), "lines": "".join(kinds)}


def _some(value: Any, record: type[Record]) -> dict[str, Any]:
    """Those attributes of a value that its record has."""
    return {name: getattr(value, name) for name in record.model_fields}


def _clean(value: Any) -> Any:
    """The value with what JSON cannot hold replaced: lone surrogates, infinities."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return FLOOR if value < 0 or math.isnan(value) else -FLOOR
    if isinstance(value, Mapping):
        return {str(_clean(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def _definition(changed: ChangedFunction) -> dict[str, Any]:
    return {
        "how": changed.how,
        "changed_lines": changed.changed_lines,
        "head": _some(changed.head, DefinitionRecord),
        "base": _some(changed.base, DefinitionRecord) if changed.base else None,
    }


def _function(report: FunctionReport) -> dict[str, Any]:
    head = report.function.head
    return {
        "path": head.path,
        "function": head.qualname,
        "how": report.function.how,
        "start_line": head.start_line,
        "end_line": head.end_line,
        "tests": report.tests,
        "calls": report.calls,
        "unexecuted_lines": report.unexecuted_lines,
        "definition": _definition(report.function),
        "whole": report.whole,
        "differences": [vars(difference) for difference in report.differences],
        "compared": report.compared,
        "left_alone": report.left_alone,
        "seconds": report.seconds,
    }


def _unproven(suspicion: Suspicion) -> dict[str, Any]:
    return {
        **vars(suspicion),
        "path": suspicion.function.head.path,
        "function": suspicion.function.head.qualname,
        "definition": _definition(suspicion.function),
    }


def _finding(reviewed: Reviewed) -> dict[str, Any]:
    finding, rewrite = reviewed.finding, reviewed.rewrite
    return {
        "id": finding.id,
        "path": finding.function.head.path,
        "function": finding.function.head.qualname,
        "start_line": finding.start_line,
        "end_line": finding.end_line,
        "rule": finding.rule,
        "category": finding.category,
        "severity": finding.severity,
        "title": finding.title,
        "message": finding.message,
        "witness": _witness(finding.witness),
        "suspicious_lines": finding.suspicious_lines,
        "suggestion": _suggestion(rewrite) if rewrite else None,
        "verdict": _verdict(rewrite.verdict) if rewrite else None,
        "rejected": [
            {**_candidate(item.candidate), "reason": item.reason, "verdict": _verdict(item.verdict)}
            for item in reviewed.rejected
        ],
        "search": _search(reviewed.search) if reviewed.search else None,
        "why_no_suggestion": reviewed.why_no_rewrite,
        "replay": replay_command(finding.id),
        "definition": _definition(finding.function),
        "ignored": reviewed.ignored,
        "probe": vars(finding.probe) if finding.probe else None,
        "anchor": finding.anchor,
        "cwe": finding.cwe,
    }


def _witness(witness: Witness) -> dict[str, Any]:
    return {
        **vars(witness),
        "call": vars(witness.call) if witness.call else None,
        "stack": [vars(frame) for frame in witness.stack],
        "measured": vars(witness.measured) if witness.measured else None,
    }


def replay_command(finding_id: str) -> str:
    """The command that runs a finding's proof again."""
    return f"tryline replay {finding_id}"


def _suggestion(rewrite: Rewrite) -> dict[str, Any]:
    return {
        **vars(rewrite.suggestion),
        **_candidate(rewrite.candidate),
        "also": [vars(hunk) for hunk in rewrite.also],
        "label": rewrite.label,
        "obstacle": rewrite.obstacle,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {**vars(candidate), "function_source": candidate.source}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        **vars(verdict),
        "accepted": verdict.accepted,
        "judgements": [vars(judgement) for judgement in verdict.judgements],
        "matrix": [vars(row) for row in verdict.matrix],
        "measured": vars(verdict.measured) if verdict.measured else None,
    }


def _search(search: Search) -> dict[str, Any]:
    return {
        **vars(search),
        "steps": [{**vars(step), "trials": [_trial(trial) for trial in step.trials]} for step in search.steps],
        "candidates": [_candidate(candidate) for candidate in search.candidates],
        "rungs": [{**vars(rung), "usage": vars(rung.usage)} for rung in search.rungs],
        "usage": vars(search.usage),
    }


def _trial(trial: Trial) -> dict[str, Any]:
    proposal = trial.proposal
    return {
        "operator": proposal.operator,
        "edit": vars(proposal.edit) if proposal.edit else None,
        "proposer": proposal.source,
        "rung": proposal.rung,
        "imports": proposal.imports,
        "logprob": proposal.logprob,
        "score": trial.score,
        "merged_into": trial.merged_into,
        "function_source": trial.source,
        "result": vars(trial.result),
        "said": trial.said,
        "votes": trial.votes,
        "trace": [
            {
                "line": line,
                "changes": [{"name": n, "type": kind, "value": value} for n, kind, value in changes[:MOST_SEEN]],
            }
            for line, changes in trial.trace[:MOST_SEEN]
        ],
    }


# -------------------------------------------------------------------------------------------------------- in


def from_json(data: object) -> Review:
    """The review that a JSON value records; everything except the text of the diff's lines comes back.

    The value may be a stranger's: nothing is believed that could point outside the repository, name what is not
    there, or call proven what was not. Ids of findings are made anew from what they rest on.
    Raises UsageError when the value is not a result (`result-invalid`), or of a format that this version does not
    read (`result-version`).
    """
    record = parsed(data)
    change = Change(
        base=Revision(**dict(record.change.base)),
        head=Revision(**dict(record.change.head)),
        files=tuple(_read_file(file) for file in record.change.files),
    )
    return Review(
        id=record.id,
        change=change,
        conclusion=record.conclusion,
        functions=tuple(_read_function(item) for item in record.functions),
        findings=tuple(_read_finding(item) for item in record.findings),
        not_reviewed=tuple(NotReviewed(**dict(item)) for item in record.not_reviewed),
        unproven=tuple(_read_unproven(item) for item in record.unproven),
        test_changes=tuple(TestChange(**dict(item)) for item in record.test_changes),
        problems=tuple(Problem(**dict(item)) for item in record.problems),
        costs=Costs(**{**dict(record.costs), "usage": Usage(**dict(record.costs.usage))}),
        environment=record.environment,
        suite=record.suite,
        flaky=record.flaky,
        notes=record.notes,
        target=Target(**dict(record.target)) if record.target else None,
    )


def _read_file(record: FileRecord) -> FileDiff:
    return FileDiff(**{**dict(record), "hunks": tuple(_read_hunk(hunk) for hunk in record.hunks)})


def _read_hunk(record: HunkRecord) -> Hunk:
    old, new = record.old_start, record.new_start
    lines = []
    for kind in record.lines:
        lines.append(DiffLine(None if kind == "+" else old, None if kind == "-" else new, ""))
        old, new = old + (kind != "+"), new + (kind != "-")
    return Hunk(**{**dict(record), "lines": tuple(lines)})


def _changed(record: DefinedRecord) -> ChangedFunction:
    return ChangedFunction(
        head=Function(**dict(record.head)),
        base=Function(**dict(record.base)) if record.base else None,
        changed_lines=record.changed_lines,
        how=record.how,
    )


def _read_function(record: FunctionRecord) -> FunctionReport:
    return FunctionReport(
        function=_changed(record.definition),
        tests=record.tests,
        calls=record.calls,
        unexecuted_lines=record.unexecuted_lines,
        whole=record.whole,
        differences=tuple(Difference(**dict(item)) for item in record.differences),
        compared=record.compared,
        left_alone=record.left_alone,
        seconds=record.seconds,
    )


def _read_unproven(record: UnprovenRecord) -> Suspicion:
    return Suspicion(
        rule=record.rule,
        category=record.category,
        function=_changed(record.definition),
        message=record.message,
        tests=record.tests,
        suspicious_lines=_by_line(record.suspicious_lines),
        score=record.score,
    )


def _by_line(scores: Mapping[str, float]) -> dict[int, float]:
    return {int(line): score for line, score in scores.items()}


def audit_from_json(data: object) -> Audit:
    """The audit that a JSON value records, checked as `from_json` checks a review. Raises UsageError."""
    record = parsed_audit(data)
    review = from_json(record.review.model_dump(mode="json", by_alias=True))
    heads = {report.function.id: report.function.head for report in review.functions}
    # Ids are made anew from what findings rest on: the n-th row speaks of the n-th finding.
    if len(record.findings) != len(review.findings):
        raise invalid("its findings are not those of its review")
    return Audit(
        id=record.id,
        revision=review.change.head,
        when=record.when,
        functions=tuple(_read_audited(row, heads) for row in record.functions),
        findings=tuple(
            AuditedFinding(item, row.standing, row.since)
            for item, row in zip(review.findings, record.findings, strict=True)
        ),
        fixed=tuple(FixedFinding(**dict(row)) for row in record.fixed),
        review=review,
        paths=record.paths,
        previous=record.previous,
    )


def _read_audited(record: AuditedFunctionRecord, heads: Mapping[str, Function]) -> AuditedFunction:
    head = heads.get(f"{record.path}::{record.function}")
    if head is None:
        raise invalid(f"{record.path[:100]}::{record.function[:100]} is not among the functions of its review")
    return AuditedFunction(
        head,
        record.key,
        Risk(record.risk.score, dict(record.risk.factors), dict(record.risk.measures)),
        record.attention,
        record.when,
        record.tests,
        record.calls,
        record.seconds,
        record.executions,
        record.why,
    )


def _read_finding(record: FindingRecord) -> Reviewed:
    function = _changed(record.definition)
    path = record.witness.path
    if bool(path) != bool(record.witness.code) or (path and not inside(path)):
        # A file made by hand could put a test anywhere; ours lie in the repository.
        raise invalid(f"finding {record.id[:40]!r} has a witness at no path of the repository")
    finding = Finding(
        rule=record.rule,
        category=record.category,
        severity=record.severity,
        function=function,
        start_line=record.start_line,
        end_line=record.end_line,
        title=record.title,
        message=record.message,
        witness=_read_witness(record.witness),
        suspicious_lines=_by_line(record.suspicious_lines),
        probe=Probe(**dict(record.probe)) if record.probe else None,
        anchor=record.anchor,
        cwe=record.cwe,
    )
    head = function.head
    return Reviewed(
        finding=finding,
        rewrite=_read_rewrite(record, head),
        search=_read_search(record.search, head) if record.search else None,
        rejected=tuple(
            Rejected(_read_candidate(item, head), _read_verdict(item.verdict)) for item in record.rejected
        ),
        why_no_rewrite=record.why_no_suggestion,
        ignored=record.ignored,
    )


def _read_witness(record: WitnessRecord) -> Witness:
    parts = {
        "call": Call(**dict(record.call)) if record.call else None,
        "stack": tuple(Frame(**dict(frame)) for frame in record.stack),
        "measured": _read_measured(record.measured),
    }
    return Witness(**{**dict(record), **parts})


def _read_measured(record: MeasuredRecord | None) -> Measured | None:
    return Measured(**dict(record)) if record is not None else None


def _read_rewrite(record: FindingRecord, head: Function) -> Rewrite | None:
    suggestion, verdict = record.suggestion, record.verdict
    if suggestion is None:
        return None
    if verdict is None or not (proof := _read_verdict(verdict)).accepted:
        # A file could claim what was never proven; the promise of the type holds for files, too.
        raise invalid(f"finding {record.id[:40]!r} has a suggestion without an accepted verdict")
    return Rewrite.of(
        _read_candidate(suggestion, head),
        proof,
        Replacement(suggestion.path, suggestion.start_line, suggestion.end_line, suggestion.replacement),
        tuple(Replacement(**dict(hunk)) for hunk in suggestion.also),
        # A file could say that nothing is in the way of half a change.
        "further-hunks" if suggestion.also else suggestion.obstacle,
    )


def _read_candidate(record: CandidateRecord, head: Function) -> Candidate:
    return Candidate(
        function=head,
        source=record.function_source,
        imports=record.imports,
        edits=record.edits,
        logprob=_number(record.logprob),
        agreement=record.agreement,
        seconds=record.seconds,
        is_revert=record.is_revert,
        proposer=record.proposer,
        rung=record.rung,
    )


def _read_verdict(record: VerdictRecord) -> Verdict:
    return Verdict(
        judgements=tuple(Judgement(**dict(item)) for item in record.judgements),
        matrix=tuple(MatrixRow(**dict(row)) for row in record.matrix),
        tests_run=record.tests_run,
        tests_executing=record.tests_executing,
        selection=record.selection,
        seconds=record.seconds,
        measured=_read_measured(record.measured),
        mutants=record.mutants,
        noticed=record.noticed,
        symbolic=record.symbolic,
        level=record.level,
        tests_apart=record.tests_apart,
        why_in_process=record.why_in_process,
    )


def _read_search(record: SearchRecord, head: Function) -> Search:
    return Search(
        steps=tuple(
            LineStep(
                line=step.line,
                text=step.text,
                suspiciousness=step.suspiciousness,
                trials=tuple(_read_trial(trial) for trial in step.trials),
                chosen=step.chosen,
                depth=step.depth,
                turn=step.turn,
                why=step.why,
                prefix=step.prefix,
            )
            for step in record.steps
        ),
        candidates=tuple(_read_candidate(candidate, head) for candidate in record.candidates),
        executions=record.executions,
        seconds=record.seconds,
        stopped=record.stopped,
        tier=record.tier,
        notes=record.notes,
        rungs=tuple(RungRun(**{**dict(rung), "usage": Usage(**dict(rung.usage))}) for rung in record.rungs),
        usage=Usage(**dict(record.usage)),
    )


def _read_trial(record: TrialRecord) -> Trial:
    proposal = Proposal(
        edit=Edit(**dict(record.edit)) if record.edit else None,
        logprob=_number(record.logprob),
        operator=record.operator,
        source=record.proposer,
        imports=record.imports,
        rung=record.rung,
    )
    result = TrialResult(**dict(record.result))
    return Trial(
        proposal,
        record.function_source,
        result,
        _number(record.score),
        record.merged_into,
        record.said,
        record.votes,
        tuple(
            (seen.line, tuple((one.name, one.type, one.value) for one in seen.changes)) for seen in record.trace
        ),
    )


def _number(value: float) -> float:
    return -math.inf if value <= FLOOR else value


# ----------------------------------------------------------------------------------------------------- saved


def save(review: Review, state_dir: Path) -> Path:
    """Writes the result to `<state_dir>/results/<review id>.json`, whole or not at all, and says where."""
    target = state_dir / "results" / f"{_file_name(review.id)}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, dumps(review))
    return target


def write_atomically(target: Path, text: str) -> None:
    """Writes a file so that a reader sees the old content or the new, never a part. Raises OSError."""
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", text=False)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="") as stream:
            stream.write(text)
        # mkstemp makes the file private; a result has the mode of any other file that a command writes.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def load_audit(path: Path, limit: int = MOST_AUDIT_BYTES) -> Audit:
    """The audit that a file holds. Raises as `load` does."""
    return audit_from_json(_json(_bytes(path, limit)))


def load(path: Path, limit: int = MOST_BYTES) -> Review:
    """The review that a file holds, perhaps a stranger's; of an audit that it holds, the review in it.

    Raises UsageError: `result-missing` (there is no such file, or it cannot be read), `result-too-large` (more
    than `limit` bytes), and those of `from_json`.
    """
    value = _json(_bytes(path, limit))
    if isinstance(value, dict) and str(value.get("schema")).startswith(_AUDIT):
        return audit_from_json(value).review
    return from_json(value)


_AUDIT = AUDIT_SCHEMA.rpartition("/")[0] + "/"


def _bytes(path: Path, limit: int) -> bytes:
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        with path.open("rb") as stream:
            data = stream.read(1000)
            if data.startswith(f'{{"schema": "{_AUDIT}'.encode()):
                limit = max(limit, MOST_AUDIT_BYTES)
            data += stream.read(limit + 1 - len(data))
    except (OSError, ValueError) as problem:
        why = "there is no such file" if isinstance(problem, FileNotFoundError) else "it cannot be read"
        raise UsageError(
            f"the result {path} cannot be read: {why}",
            hint="Name the JSON file that a review has written (`--output FILE.json`, `result` of the action).",
            slug="result-missing",
        ) from None
    if len(data) > limit:
        raise UsageError(
            f"the result {path} is larger than {limit:,} bytes",
            hint="No review writes so much: it is no result, or was changed by hand.",
            slug="result-too-large",
        )
    return data


def _json(data: bytes) -> object:
    """The JSON value that some bytes are. Raises UsageError."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no number of JSON")

    try:
        return json.loads(data.decode("utf-8"), parse_constant=refuse)
    except RecursionError:
        raise invalid("it is nested too deeply") from None
    except ValueError as problem:
        why = f"line {problem.lineno}: {problem.msg}" if isinstance(problem, json.JSONDecodeError) else "no JSON"
        raise invalid(why) from None


def find(state_dir: Path, prefix: str) -> tuple[Review, str | None]:
    """The newest saved review that holds the finding (or is the review) whose id starts with `prefix`.

    Returns the review and the finding's full id; None instead of the id for a review without findings or with
    several. Raises UsageError when nothing or more than one thing is meant, and lists what there is.
    """
    return find_in(_saved(state_dir), prefix)


def find_in(reviews: Iterable[Review], prefix: str) -> tuple[Review, str | None]:
    """The same among these reviews, newest first."""
    wanted = prefix.strip().lower()
    matches: dict[tuple[str, str], Review] = {}
    there: list[str] = []
    for review in reviews:
        ids = [reviewed.finding.id for reviewed in review.findings]
        there += [f"{finding} (review {review.id})" for finding in ids] or [f"review {review.id}, no findings"]
        if wanted and review.id.lower().startswith(wanted):
            matches.setdefault(("review", review.id), review)
        for finding in ids:
            if wanted and finding.startswith(wanted):
                # A finding keeps its id over pushes: the newest review that has it is meant.
                matches.setdefault(("finding", finding), review)
    exact = {key: review for key, review in matches.items() if key[1].lower() == wanted}
    matches = exact or matches
    if len(matches) == 1:
        ((kind, found), review), *_ = matches.items()
        if kind == "finding":
            return review, found
        ids = [reviewed.finding.id for reviewed in review.findings]
        return review, ids[0] if len(ids) == 1 else None
    what = f"several saved results start with {prefix!r}" if matches else f"no saved result has the id {prefix!r}"
    listed = [found for _, found in matches] or list(dict.fromkeys(there))[:20]
    raise UsageError(
        what,
        hint="There is: " + "; ".join(listed) + "."
        if listed
        else "Run `tryline review` first: it saves its result.",
        slug="result-ambiguous" if matches else "result-unknown",
    )


def _saved(state_dir: Path) -> Iterable[Review]:
    """Saved reviews, newest first; a file that is not a result of ours is passed over."""
    files = sorted(
        (state_dir / "results").glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True
    )
    for path in files:
        try:
            yield load(path)
        except UsageError:
            continue


def _file_name(review_id: str) -> str:
    """The id as a file name; ids are ours, and a file name is no place to trust that."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", review_id)[:100].lstrip(".") or "review"

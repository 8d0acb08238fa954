"""The saved result: a review as documented, versioned JSON, and back."""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot import __version__
from bot.domain import (
    Call,
    Candidate,
    Category,
    Change,
    ChangedFunction,
    Conclusion,
    Costs,
    Edit,
    FileDiff,
    FileStatus,
    Finding,
    Function,
    FunctionReport,
    Judgement,
    LineStep,
    MatrixRow,
    NotReviewed,
    Outcome,
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
    Severity,
    Status,
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

SCHEMA_VERSION = "1.2"
"""Changes in its second number when something is added, in its first when something is renamed or removed."""

_SCHEMA = f"tryline/result/{SCHEMA_VERSION}"
_FLOOR = -1e300
"""Stands for minus infinity, which JSON cannot hold."""


# ------------------------------------------------------------------------------------------------- the record


class Record(BaseModel):
    """One object of the result. Unknown keys are ignored, so that a newer minor version can be read."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class RevisionRecord(Record):
    """One state of the repository."""

    name: str = Field(description="What the user called it.")
    commit: str | None = Field(description="Full commit id; null for a working tree.")
    tree: str = Field(description="Id of the git tree object that holds the files.")


class FileRecord(Record):
    """A changed file."""

    path: str
    old_path: str | None = Field(description="Path at base; null for an added file.")
    status: FileStatus
    binary: bool
    mode: str = Field(description="Git's file mode at head.")


class ChangeRecord(Record):
    """What was reviewed."""

    base: RevisionRecord
    head: RevisionRecord
    files: tuple[FileRecord, ...]


class DefinitionRecord(Record):
    """One function as it stands in a file."""

    path: str
    start_line: int = Field(description="First line, decorators included.")
    end_line: int = Field(description="Last line, inclusive.")
    def_line: int
    body_line: int
    source: str = Field(description="Its lines exactly as they stand in the file.")
    decorators: tuple[str, ...]
    enclosing: tuple[str, ...]
    is_async: bool
    is_generator: bool
    qualname: str


class DefinedRecord(Record):
    """The changed function on both sides: what replaying needs."""

    how: str = Field(description="`added`, `modified` or `moved`.")
    changed_lines: tuple[int, ...]
    head: DefinitionRecord
    base: DefinitionRecord | None


class CallRecord(Record):
    """One recorded call."""

    test: str
    arguments: str
    result: str
    raised: str
    digest: str
    pickled: str = Field(description="Base64 of a pickle from a container: never load it outside one.")


class WitnessRecord(Record):
    """What shows the problem when it is run."""

    kind: str = Field(description="`test` or `call`.")
    tests: tuple[str, ...] = Field(description="Ids of the tests that are red at head and green at base.")
    command: str = Field(description="What to type at the root of the repository at head.")
    failure: str = Field(description="What happens at head: text from the run.")
    repeats: int = Field(description="How many times each side was run with the same outcome.")
    call: CallRecord | None
    code: str = Field(default="", description="The test module, where the repository has none that shows it.")
    path: str = Field(default="", description="Where `code` is to be saved; empty where there is none.")


class ProbeRecord(Record):
    """What a model's witness was made of: a later push runs it again."""

    kind: str = Field(description="`test` or `call`.")
    code: str
    test: str
    claim: str = Field(description="What is said to go wrong, in the model's words.")
    raises: str = ""
    source: str = Field(default="", description="The model's name.")
    severity: Severity = Field(default=Severity.MEDIUM, description="As the model called it.")
    line: int = Field(default=0, description="Line of the function, 1 its first; 0 where none is named.")
    call: str = ""
    expected: str = ""
    fixed: str = Field(default="", description="The function as the model believes it right.")
    imports: tuple[str, ...] = ()
    stub: str = ""


class ReplacementRecord(Record):
    """Lines of a head file, inclusive, and the exact text that takes their place."""

    path: str
    start_line: int
    end_line: int
    replacement: str


class CandidateRecord(Record):
    """One rewrite of the function, whole."""

    function_source: str
    imports: tuple[str, ...] = Field(description="Import statements that it needs at module level.")
    edits: tuple[str, ...] = Field(description="Operators that made it, in order.")
    proposer: str
    rung: str
    logprob: float
    agreement: float = Field(description="Share of inputs on which it answers as base does, 0 to 1.")
    seconds: float
    is_revert: bool


class SuggestionRecord(ReplacementRecord, CandidateRecord):
    """A rewrite that was proven in a cold container: byte-exact what ran."""

    also: tuple[ReplacementRecord, ...] = Field(description="Further hunks of the same change: imports.")
    label: str = Field(description="`rewrite` or `revert`.")
    obstacle: str = Field(default="", description="Why no platform can apply it with one click; empty: one can.")


class JudgementRecord(Record):
    """What one check said."""

    check: str
    ok: bool
    detail: str


class MatrixRecord(Record):
    """One test over the three versions; null where it was not run."""

    test: str
    base: Outcome | None
    head: Outcome | None
    candidate: Outcome | None


class VerdictRecord(Record):
    """The cold proof of one candidate."""

    accepted: bool
    judgements: tuple[JudgementRecord, ...]
    tests_run: int
    tests_executing: int = Field(description="How many of them execute the function.")
    selection: str = Field(description="Which tests were run, and why those.")
    seconds: float
    matrix: tuple[MatrixRecord, ...]


class RejectedRecord(CandidateRecord):
    """A candidate that a check refused."""

    reason: str
    verdict: VerdictRecord


class EditRecord(Record):
    """Lines `start` to `end` (exclusive) of the function's text become `lines`."""

    start: int
    end: int
    lines: tuple[str, ...]


class TrialResultRecord(Record):
    """What one text in the function's place did when it was run."""

    status: Status
    outcomes: dict[str, Outcome]
    message: str
    exception: str
    line: int
    seconds: float
    steps: int
    signature: str
    agreement: float
    memory_kb: int


class TrialRecord(Record):
    """One candidate for one line: its probability before, what it did, its score after."""

    operator: str
    edit: EditRecord | None = Field(description="Null keeps the line, or stands for a whole version.")
    proposer: str
    rung: str = Field(default="line-guided", description="Rung of the ladder that it was made on.")
    imports: tuple[str, ...]
    logprob: float = Field(description="Before it was run: natural logarithm of its weight on this line.")
    score: float = Field(description="After it was run; -1e300 stands for minus infinity.")
    merged_into: int | None = Field(description="Index of the likelier trial that behaves the same.")
    function_source: str
    result: TrialResultRecord


class StepRecord(Record):
    """One decided line."""

    line: int
    text: str
    suspiciousness: float
    depth: int
    chosen: int | None = Field(description="Index into `trials`; null where the search rolled back.")
    trials: tuple[TrialRecord, ...]


class UsageRecord(Record):
    """What requests to model endpoints used, by the servers' own figures."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = Field(default=0, description="Of tokens_in: in the server's prefix cache.")
    from_cache: int = Field(default=0, description="Requests answered from disk or from a recording.")
    seconds: float = Field(default=0.0, description="Waiting for answers, summed over requests.")
    money: float = Field(default=0.0, description="By the configured prices.")
    estimated: int = Field(default=0, description="Requests whose usage the server did not tell.")


class RungRecord(Record):
    """One rung of the ladder, as it was climbed."""

    name: str = Field(description="`plain`, `best-of-n`, `self-debug`, `line-guided` or `token-cfg`.")
    candidates: int = Field(description="Different versions that were run.")
    passed: int = Field(description="Of them: how many passed all guide tests.")
    usage: UsageRecord
    seconds: float
    note: str = Field(description="Why it ended early or was left out.")


class SearchRecord(Record):
    """The record of one guided search."""

    steps: tuple[StepRecord, ...]
    candidates: tuple[CandidateRecord, ...]
    executions: int
    seconds: float
    stopped: str
    tier: str
    notes: tuple[str, ...]
    rungs: tuple[RungRecord, ...] = Field(default=(), description="Ways of asking a model, in order.")
    usage: UsageRecord = UsageRecord()


class FindingRecord(Record):
    """One proven problem and what became of it."""

    id: str = Field(description="Identity over pushes: path, function, rule and witness, not the line.")
    path: str
    function: str = Field(description="Qualified name.")
    start_line: int
    end_line: int
    rule: str
    category: Category
    severity: Severity
    title: str
    message: str
    witness: WitnessRecord
    suspicious_lines: dict[str, float] = Field(description="Line of the head file -> Ochiai score, 0 to 1.")
    suggestion: SuggestionRecord | None
    verdict: VerdictRecord | None
    rejected: tuple[RejectedRecord, ...]
    search: SearchRecord | None
    why_no_suggestion: str
    replay: str
    definition: DefinedRecord
    ignored: bool = Field(default=False, description="Somebody asked not to hear of it: it does not count.")
    probe: ProbeRecord | None = Field(default=None, description="Where a model wrote the witness.")


class FunctionRecord(Record):
    """A function that was looked at."""

    path: str
    function: str
    how: str
    start_line: int
    end_line: int
    tests: int = Field(description="How many tests execute it at head.")
    calls: int
    unexecuted_lines: tuple[int, ...] = Field(description="Changed lines that no test executed.")
    definition: DefinedRecord
    whole: bool = Field(default=True, description="Whether all that was to be done about it was done.")


class NotReviewedRecord(Record):
    """Something in the change that was left out."""

    path: str
    symbol: str | None
    lines: tuple[int, ...]
    slug: str
    reason: str


class UnprovenRecord(Record):
    """A suspicion that running did not confirm."""

    rule: str
    category: Category
    path: str
    function: str
    message: str
    tests: tuple[str, ...]
    suspicious_lines: dict[str, float]
    score: float
    definition: DefinedRecord


class TestChangeRecord(Record):
    """A test that the branch added, changed, weakened or removed."""

    __test__ = False

    path: str
    name: str
    how: str
    detail: str


class ProblemRecord(Record):
    """Why something did not run."""

    slug: str
    message: str
    log: str


class CostsRecord(Record):
    """What the review used."""

    executions: int
    containers: int
    seconds: float
    prepare_seconds: float
    candidates: int
    verified: int
    usage: UsageRecord = Field(default=UsageRecord(), description="Of model endpoints.")


class TargetRecord(Record):
    """The pull request that the review is about."""

    platform: str
    repository: str = Field(description="`owner/name`.")
    number: int
    head: str = Field(description="Commit id of its tip when it was reviewed.")


class ResultRecord(Record):
    """The result of one review. Lines are numbers in the head file, inclusive."""

    schema_: str = Field(alias="schema", description="Name and version of this format.")
    tryline: str = Field(description="Version that wrote it.")
    id: str
    conclusion: Conclusion
    change: ChangeRecord
    findings: tuple[FindingRecord, ...]
    functions: tuple[FunctionRecord, ...]
    not_reviewed: tuple[NotReviewedRecord, ...]
    unproven: tuple[UnprovenRecord, ...]
    test_changes: tuple[TestChangeRecord, ...]
    problems: tuple[ProblemRecord, ...]
    flaky: tuple[str, ...]
    suite: dict[str, dict[str, int]] = Field(description="`base` and `head` -> outcome -> how many tests.")
    costs: CostsRecord
    environment: dict[str, str]
    notes: tuple[str, ...] = Field(default=(), description="How it ran, where that is no problem.")
    target: TargetRecord | None = Field(default=None, description="The pull request, where there is one.")


# ------------------------------------------------------------------------------------------------------- out


def to_json(review: Review) -> dict[str, Any]:
    """The review as the documented JSON value (docs/result.md), valid against `schema()`."""
    raw = {
        "schema": _SCHEMA,
        "tryline": review.environment.get("tryline", __version__),
        "id": review.id,
        "conclusion": review.conclusion,
        "change": {
            "base": vars(review.change.base),
            "head": vars(review.change.head),
            "files": [_some(file, FileRecord) for file in review.change.files],
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
    record = ResultRecord.model_validate(_clean(raw))
    return record.model_dump(mode="json", by_alias=True)


def dumps(review: Review) -> str:
    """The review as JSON text, indented, ending in a newline."""
    return json.dumps(to_json(review), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the result."""
    generated = ResultRecord.model_json_schema(by_alias=True, mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{_SCHEMA.replace('/', ':')}",
        **generated,
        "title": f"Tryline result {SCHEMA_VERSION}",
    }


def _some(value: Any, record: type[Record]) -> dict[str, Any]:
    """Those attributes of a value that its record has."""
    return {name: getattr(value, name) for name in record.model_fields}


def _clean(value: Any) -> Any:
    """The value with what JSON cannot hold replaced: lone surrogates, infinities."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float) and not math.isfinite(value):
        return _FLOOR if value < 0 or math.isnan(value) else -_FLOOR
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
    witness = finding.witness
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
        "witness": {**vars(witness), "call": vars(witness.call) if witness.call else None},
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
    }


# -------------------------------------------------------------------------------------------------------- in


def from_json(data: object) -> Review:
    """The review that a JSON value records; everything except the diff's hunks comes back.

    Raises UsageError when the value is not a result, or of a format that this version does not read.
    """
    if isinstance(data, dict) and "schema" in data:
        _check_version(str(data["schema"]))
    try:
        record = ResultRecord.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise UsageError(
            f"not a Tryline result: {where}: {first['msg']}",
            hint="docs/result.md describes the format; `tryline review --format json` writes it.",
            slug="result-invalid",
        ) from None
    change = Change(
        base=Revision(**dict(record.change.base)),
        head=Revision(**dict(record.change.head)),
        files=tuple(FileDiff(**dict(file)) for file in record.change.files),
    )
    return Review(
        id=record.id,
        change=change,
        conclusion=record.conclusion,
        functions=tuple(
            FunctionReport(_changed(item.definition), item.tests, item.calls, item.unexecuted_lines, item.whole)
            for item in record.functions
        ),
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


def _check_version(name: str) -> None:
    """Refuses another major version. Raises UsageError."""
    major = re.fullmatch(r"tryline/result/(\d{1,4})\.\d{1,4}", name)
    if major is None or major[1] != SCHEMA_VERSION.partition(".")[0]:
        raise UsageError(
            f"the result is of the format {name[:60]!r}, this version reads {_SCHEMA!r}",
            hint="Use the version of Tryline that wrote it, or run the review again.",
            slug="result-version",
        )


def _changed(record: DefinedRecord) -> ChangedFunction:
    return ChangedFunction(
        head=Function(**dict(record.head)),
        base=Function(**dict(record.base)) if record.base else None,
        changed_lines=record.changed_lines,
        how=record.how,
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
    return {int(line): score for line, score in scores.items() if line.isascii() and line.isdigit()}


def _read_finding(record: FindingRecord) -> Reviewed:
    function = _changed(record.definition)
    call = record.witness.call
    path = record.witness.path
    if path.startswith("/") or ".." in path.split("/") or "\0" in path or bool(path) != bool(record.witness.code):
        # A file made by hand could put a test anywhere; ours lie in the repository.
        raise UsageError(
            f"not a Tryline result: finding {record.id[:40]!r} has a witness at no path of the repository",
            hint="The file was changed by hand or cut off; run the review again.",
            slug="result-invalid",
        )
    finding = Finding(
        rule=record.rule,
        category=record.category,
        severity=record.severity,
        function=function,
        start_line=record.start_line,
        end_line=record.end_line,
        title=record.title,
        message=record.message,
        witness=Witness(**{**dict(record.witness), "call": Call(**dict(call)) if call else None}),
        suspicious_lines=_by_line(record.suspicious_lines),
        probe=Probe(**dict(record.probe)) if record.probe else None,
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


def _read_rewrite(record: FindingRecord, head: Function) -> Rewrite | None:
    suggestion, verdict = record.suggestion, record.verdict
    if suggestion is None:
        return None
    if verdict is None or not (proof := _read_verdict(verdict)).accepted:
        # A file could claim what was never proven; the promise of the type holds for files, too.
        raise UsageError(
            f"not a Tryline result: finding {record.id[:40]!r} has a suggestion without an accepted verdict",
            hint="The file was changed by hand or cut off; run the review again.",
            slug="result-invalid",
        )
    return Rewrite.of(
        _read_candidate(suggestion, head),
        proof,
        Replacement(suggestion.path, suggestion.start_line, suggestion.end_line, suggestion.replacement),
        tuple(Replacement(**dict(hunk)) for hunk in suggestion.also),
        suggestion.obstacle,
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
    return Trial(proposal, record.function_source, result, _number(record.score), record.merged_into)


def _number(value: float) -> float:
    return -math.inf if value <= _FLOOR else value


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


def find(state_dir: Path, prefix: str) -> tuple[Review, str | None]:
    """The newest saved review that holds the finding (or is the review) whose id starts with `prefix`.

    Returns the review and the finding's full id; None instead of the id for a review without findings or with
    several. Raises UsageError when nothing or more than one thing is meant, and lists what there is.
    """
    wanted = prefix.strip().lower()
    matches: dict[tuple[str, str], Review] = {}
    there: list[str] = []
    for review in _saved(state_dir):
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
            yield from_json(json.loads(path.read_text(encoding="utf-8")))
        except (UsageError, OSError, ValueError, RecursionError):
            continue


def _file_name(review_id: str) -> str:
    """The id as a file name; ids are ours, and a file name is no place to trust that."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", review_id)[:100].lstrip(".") or "review"

"""The shape of a saved result, and its bounds: what is read may be a stranger's, from a fork's run."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    Strict,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from bot.audited import Attention, Standing
from bot.domain import Category, Conclusion, FileStatus, Outcome, ProofLevel, Severity, Status, Turn
from bot.errors import UsageError

SCHEMA_VERSION = "1.5"
"""Changes in its second number when something is added, in its first when something is renamed or removed."""

SCHEMA = f"tryline/result/{SCHEMA_VERSION}"
FLOOR = -1e300
"""Stands for minus infinity, which JSON cannot hold."""
MOST_ITEMS = 10_000
"""Findings, or functions, of one result."""
MOST_KEYS = 100_000
MOST_SEEN = 200
"""Entries of one trial's trace, and changes of one entry."""
_LAST = 2**31 - 1


# ------------------------------------------------------------------------------------------------ its values


def _checked(pattern: str, what: str) -> AfterValidator:
    """Refuses, in what is read, a text of another form. What we write is not held to it: no oddity of a repository
    may keep its review from being saved."""
    expression = re.compile(pattern)

    def check(text: str, info: ValidationInfo) -> str:
        if info.context and not expression.fullmatch(text):
            raise ValueError(f"not {what}")
        return text

    return AfterValidator(check)


_PART = r"(?!(?:\.{0,2}|\.git)(?:/|\Z))[^/\0]+"
_PATH = rf"(?i:{_PART}(?:/{_PART})*)"


def _counted(most: int) -> BeforeValidator:
    """Refuses a map of more keys before it looks at one, for the reason that `Many` has."""

    def check(value: object) -> object:
        if isinstance(value, dict) and len(value) > most:
            raise ValueError(f"more than {most} keys")
        return value

    return BeforeValidator(check)


_SURROGATE = re.compile("[\ud800-\udfff]")
_Item = TypeVar("_Item")
Many = Annotated[tuple[_Item, ...], FailFast()]
"""Checked until the first that is wrong: the errors of a million would take all memory."""
Flag = Annotated[bool, Strict()]
Number = Annotated[float, Strict()]
Count = Annotated[int, Strict(), Field(ge=0, le=2**53)]
Weakness = Annotated[int, Strict(), Field(ge=0, le=99_999)]
"""Number of a CWE; 0 for none."""
Line = Annotated[int, Strict(), Field(ge=1, le=_LAST)]
LineKey = Annotated[str, Field(pattern="^[1-9][0-9]{0,9}$")]
Name = Annotated[str, Field(max_length=1000)]
Scores = Annotated[dict[LineKey, Number], Field(max_length=MOST_KEYS), _counted(MOST_KEYS)]
Counts = Annotated[dict[Name, Count], Field(max_length=100), _counted(100)]
ObjectId = Annotated[str, _checked(r"[0-9a-f]{40}|[0-9a-f]{64}", "the id of a git object")]
ReviewId = Annotated[str, _checked(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", "the id of a review")]
_NAME = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9_.-]{1,255}"  # never a step up: it becomes part of an address
Repository = Annotated[str, _checked(f"{_NAME}(?:/{_NAME}){{1,20}}", "`owner/name`")]
RepositoryPath = Annotated[
    str,
    # No part of it empty, a dot, two dots or a git folder, nothing that ends a C string.
    _checked(_PATH, "a path inside the repository"),
]


# ------------------------------------------------------------------------------------------------- the record


class Record(BaseModel):
    """One object of the result. Unknown keys are ignored, so that a newer minor version can be read."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=(), allow_inf_nan=False)


class RevisionRecord(Record):
    """One state of the repository."""

    name: str = Field(description="What the user called it.")
    commit: ObjectId | None = Field(description="Full commit id; null for a working tree.")
    tree: ObjectId = Field(description="Id of the git tree object that holds the files.")


class HunkRecord(Record):
    """One hunk of a file's diff, without its text."""

    old_start: Count = Field(description="First line at base; 0 where there is none.")
    old_count: Count
    new_start: Count = Field(description="First line at head; 0 where there is none.")
    new_count: Count
    lines: str = Field(
        pattern="^[ +-]*$", description="One character a line: ` ` for context, `-` removed, `+` added."
    )

    @model_validator(mode="after")
    def _adds_up(self, info: ValidationInfo) -> Self:
        if info.context:
            shared = self.lines.count(" ")
            if (shared + self.lines.count("-"), shared + self.lines.count("+")) != (
                self.old_count,
                self.new_count,
            ):
                raise ValueError("its lines are not as many as it says")
            if (self.old_count and not self.old_start) or (self.new_count and not self.new_start):
                raise ValueError("its lines start at 0")
        return self


class FileRecord(Record):
    """A changed file."""

    path: RepositoryPath
    old_path: RepositoryPath | None = Field(description="Path at base; null for an added file.")
    status: FileStatus
    binary: Flag
    mode: str = Field(description="Git's file mode at head.")
    hunks: Many[HunkRecord] = Field(default=(), description="Which lines the change shows.")

    @model_validator(mode="after")
    def _in_order(self, info: ValidationInfo) -> Self:
        if info.context:
            for first, second in pairwise(self.hunks):
                if second.new_start < first.new_start + first.new_count:
                    raise ValueError("its hunks are not in order")
        return self


class ChangeRecord(Record):
    """What was reviewed."""

    base: RevisionRecord
    head: RevisionRecord
    files: Many[FileRecord]


class DefinitionRecord(Record):
    """One function as it stands in a file."""

    path: RepositoryPath
    start_line: Line = Field(description="First line, decorators included.")
    end_line: Line = Field(description="Last line, inclusive.")
    def_line: Line
    body_line: Line
    source: str = Field(description="Its lines exactly as they stand in the file.")
    decorators: Many[str]
    enclosing: Many[str]
    is_async: Flag
    is_generator: Flag
    qualname: str

    @model_validator(mode="after")
    def _within(self, info: ValidationInfo) -> Self:
        named = (self.def_line, self.body_line)
        if info.context and not all(self.start_line <= line <= self.end_line for line in named):
            raise ValueError("its lines are not between its first and its last")
        return self


class DefinedRecord(Record):
    """The changed function on both sides: what replaying needs."""

    how: str = Field(description="`added`, `modified` or `moved`.")
    changed_lines: Many[Line]
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
    source: str = Field(default="", description="The arguments as Python source of a tuple, where they have one.")
    answer: str = Field(default="", description="The result as Python source, where it has one.")
    needs: Many[str] = Field(default=(), description="Import statements that both need.")


class FrameRecord(Record):
    """One entry of a traceback."""

    path: str = Field(description="Relative to the repository, or a bare file name; never opened.")
    line: Count
    function: str


class MeasuredRecord(Record):
    """One version of a function against another in time and resources, from interleaved pairs."""

    ratio: Number = Field(description="Time of new over old, the median over pairs: 2 takes twice as long.")
    low: Number = Field(description="Bootstrap interval of 99% around `ratio`.")
    high: Number
    pairs: Count
    seconds_old: Number = Field(description="Median CPU seconds of one call on the input that decides.")
    seconds_new: Number
    arguments: str = Field(description="That input, for a reader.")
    scale: Count = Field(default=1, description="By how much a recorded input was grown to get it.")
    exponent_old: Number | None = Field(
        default=None, description="Time grows as size to this power; null: no fit."
    )
    exponent_new: Number | None = None
    sizes: Many[Count] = Field(default=(), description="Sizes at which growth was measured.")
    memory_old_kb: Count = Field(default=0, description="Peak of traced memory of one call.")
    memory_new_kb: Count = 0
    events_old: Counts = Field(default={}, description="What one call reaches out for, like `sql` -> how often.")
    events_new: Counts = {}
    inputs: Count = Field(default=0, description="Inputs on which both gave equal results.")
    repeats: Count = Field(default=2, description="Fresh processes in which it was measured.")

    @model_validator(mode="after")
    def _an_interval(self, info: ValidationInfo) -> Self:
        if info.context and not 0 <= self.low <= self.high:
            raise ValueError("its interval is none")
        return self


class DifferenceRecord(Record):
    """One input on which a function answers otherwise at head than at base."""

    arguments: str = Field(description="As a reader sees them.")
    base: str = Field(description="What came of it at base: `returns 3`, `raises KeyError`, `does not end`.")
    head: str
    kind: str = Field(description="`value`, `refuses`, `crash`, `hang`, `accepts` or `error`.")
    origin: str = Field(description="`recorded`, `derived` or `generated`.")
    intended: str = Field(default="", description="Id of a test of the branch that demands head's answer.")
    source: str = Field(default="", description="The arguments as Python source of a tuple, where they have one.")
    needs: Many[str] = Field(default=(), description="Import statements that `source` needs.")


class WitnessRecord(Record):
    """What shows the problem when it is run."""

    kind: str = Field(description="`test`, `call`, `input`, `attack` or `measure`.")
    tests: Many[str] = Field(description="Ids of the tests that are red at head and green at base.")
    command: str = Field(description="What to type at the root of the repository at head.")
    failure: str = Field(description="What happens at head: text from the run.")
    repeats: Count = Field(description="How many times each side was run with the same outcome.")
    call: CallRecord | None
    code: str = Field(default="", description="The test module, where the repository has none that shows it.")
    path: str = Field(default="", description="Where `code` is to be saved; empty where there is none.")
    payload: str = Field(default="", description="What an attack gave to the function.")
    sink: str = Field(default="", description="Where an attack arrived, like `subprocess.Popen`.")
    stack: Many[FrameRecord] = Field(default=(), description="The repository's frames there, innermost last.")
    measured: MeasuredRecord | None = Field(default=None, description="Times, where they are the proof.")


class ProbeRecord(Record):
    """What a witness was made of that no test of the repository is."""

    kind: str = Field(description="`test` or `call` of a model; `input` or `attack`, which are ours.")
    code: str
    test: str
    claim: str = Field(description="What is said to go wrong, in the model's words.")
    raises: str = ""
    source: str = Field(default="", description="The model's name.")
    severity: Severity = Field(default=Severity.MEDIUM, description="As the model called it.")
    line: Count = Field(default=0, description="Line of the function, 1 its first; 0 where none is named.")
    call: str = ""
    expected: str = ""
    fixed: str = Field(default="", description="The function as the model believes it right.")
    imports: Many[str] = ()
    stub: str = ""
    cwe: Weakness = 0
    payload: str = Field(default="", description="What an attack gives to the function.")
    title: str = Field(default="", description="Heading of the finding.")


class ReplacementRecord(Record):
    """Lines of a head file, inclusive, and the exact text that takes their place."""

    path: RepositoryPath
    start_line: Line
    end_line: Count = Field(description="One less than `start_line` for an insertion.")
    replacement: str

    @model_validator(mode="after")
    def _forward(self, info: ValidationInfo) -> Self:
        if info.context and self.end_line < self.start_line - 1:
            raise ValueError("it ends before it starts")
        return self


class CandidateRecord(Record):
    """One rewrite of the function, whole."""

    function_source: str
    imports: Many[str] = Field(description="Import statements that it needs at module level.")
    edits: Many[str] = Field(description="Operators that made it, in order.")
    proposer: str
    rung: str
    logprob: Number
    agreement: Number = Field(description="Share of inputs on which it answers as base does, 0 to 1.")
    seconds: Number
    is_revert: Flag


class SuggestionRecord(ReplacementRecord, CandidateRecord):
    """A rewrite that was proven in a cold container: byte-exact what ran."""

    also: Many[ReplacementRecord] = Field(description="Further hunks of the same change: imports.")
    label: str = Field(description="`rewrite` or `revert`.")
    obstacle: str = Field(default="", description="Why no platform can apply it with one click; empty: one can.")


class JudgementRecord(Record):
    """What one check said."""

    check: str
    ok: Flag
    detail: str


class MatrixRecord(Record):
    """One test over the three versions; null where it was not run."""

    test: str
    base: Outcome | None
    head: Outcome | None
    candidate: Outcome | None


class VerdictRecord(Record):
    """The cold proof of one candidate."""

    accepted: Flag
    judgements: Many[JudgementRecord]
    tests_run: Count
    tests_executing: Count = Field(description="How many of them execute the function.")
    selection: str = Field(description="Which tests were run, and why those.")
    seconds: Number
    matrix: Many[MatrixRecord]
    measured: MeasuredRecord | None = Field(default=None, description="The candidate against head, if compared.")
    mutants: Count = Field(default=0, description="Altered versions of its changed lines that were run.")
    noticed: Count = Field(default=0, description="Of them: how many turned a test red.")
    symbolic: str = Field(default="", description="What a symbolic comparison found: extra, never a proof.")
    level: ProofLevel = Field(
        default=ProofLevel.IN_PROCESS,
        description="`apart`: tests also ran with the function in a process of its own, from which only plain "
        "values reach them; `in-process`: in the function's own process alone, under guards.",
    )
    tests_apart: Count = Field(default=0, description="How many tests ran with the function in another process.")
    why_in_process: str = Field(default="", description="Why the function could not run in another process.")

    @model_validator(mode="after")
    def _part_of_all(self, info: ValidationInfo) -> Self:
        if info.context and self.noticed > self.mutants:
            raise ValueError("more altered versions were noticed than there were")
        if info.context and (self.level is ProofLevel.APART) != (self.tests_apart > 0):
            raise ValueError("its level and the number of tests that ran apart do not agree")
        return self


class RejectedRecord(CandidateRecord):
    """A candidate that a check refused."""

    reason: str
    verdict: VerdictRecord


class EditRecord(Record):
    """Lines `start` to `end` (exclusive) of the function's text become `lines`."""

    start: Line
    end: Line
    lines: Many[str]


class TrialResultRecord(Record):
    """What one text in the function's place did when it was run."""

    status: Status
    outcomes: Annotated[dict[str, Outcome], Field(max_length=MOST_KEYS), _counted(MOST_KEYS)]
    message: str
    exception: str
    line: Count
    seconds: Number
    steps: Count
    signature: str
    agreement: Number
    memory_kb: Count
    gain: Number = Field(default=0.0, description="How much nearer to green than the original, in tests.")


class ChangeSeenRecord(Record):
    """A variable that took a value, or a call that began or ended."""

    name: str = Field(description="The variable; `call`, `return`, `raise` or `yield` on line 0.")
    type: str
    value: str = Field(description="Clipped repr; it comes from a container.")


class SeenRecord(Record):
    """What changed when one line was executed."""

    line: Count = Field(description="Of `function_source`; 0 where the function is entered or left.")
    changes: Many[ChangeSeenRecord] = Field(max_length=MOST_SEEN)


class TrialRecord(Record):
    """One candidate for one line: its probability before, what it did, its score after."""

    operator: str
    edit: EditRecord | None = Field(description="Null keeps the line, or stands for a whole version.")
    proposer: str
    rung: str = Field(default="line-guided", description="Rung of the ladder that it was made on.")
    imports: Many[str]
    logprob: Number = Field(description="Before it was run: natural logarithm of its weight on this line.")
    score: Number = Field(description="After it was run; -1e300 stands for minus infinity.")
    merged_into: Count | None = Field(description="Index of the likelier trial that behaves the same.")
    function_source: str
    result: TrialResultRecord
    said: str = Field(default="", description="The statement that a model wrote, where there is no edit.")
    votes: Count = Field(default=0, description="How many of the model's samples said the same.")
    trace: Many[SeenRecord] = Field(
        default=(),
        max_length=MOST_SEEN,
        description="Values that it changed on a failing test, if watched.",
    )


class StepRecord(Record):
    """One decided line."""

    line: Count
    text: str
    suspiciousness: Number
    depth: Count
    chosen: Count | None = Field(
        description="Index into `trials`; null where the line was kept, or the search rolled back."
    )
    trials: Many[TrialRecord]
    turn: Turn = Field(
        default=Turn.LINE,
        description="`line`; `whole` versions; `wider`: a line again; `branch`: after a `roll-back`.",
    )
    why: str = Field(default="", description="Why this one, or none, was chosen.")
    prefix: Many[str] = Field(default=(), description="Operators of the edits that stood before it.")

    @model_validator(mode="after")
    def _there(self, info: ValidationInfo) -> Self:
        if info.context:
            named = [self.chosen, *(trial.merged_into for trial in self.trials)]
            if any(index is not None and index >= len(self.trials) for index in named):
                raise ValueError("it names a trial that is not there")
        return self


class UsageRecord(Record):
    """What requests to model endpoints used, by the servers' own figures."""

    requests: Count = 0
    tokens_in: Count = 0
    tokens_out: Count = 0
    tokens_cached: Count = Field(default=0, description="Of tokens_in: in the server's prefix cache.")
    from_cache: Count = Field(default=0, description="Requests answered from disk or from a recording.")
    seconds: Number = Field(default=0.0, description="Waiting for answers, summed over requests.")
    money: Number = Field(default=0.0, description="By the configured prices.")
    estimated: Count = Field(default=0, description="Requests whose usage the server did not tell.")


class RungRecord(Record):
    """One rung of the ladder, as it was climbed."""

    name: str = Field(description="`plain`, `best-of-n`, `self-debug`, `line-guided` or `token-cfg`.")
    candidates: Count = Field(description="Different versions that were run.")
    passed: Count = Field(description="Of them: how many passed all guide tests.")
    usage: UsageRecord
    seconds: Number
    note: str = Field(description="Why it ended early or was left out.")


class SearchRecord(Record):
    """The record of one guided search."""

    steps: Many[StepRecord]
    candidates: Many[CandidateRecord]
    executions: Count
    seconds: Number
    stopped: str
    tier: str
    notes: Many[str]
    rungs: Many[RungRecord] = Field(default=(), description="Ways of asking a model, in order.")
    usage: UsageRecord = UsageRecord()


class FindingRecord(Record):
    """One proven problem and what became of it."""

    id: str = Field(
        pattern="^[0-9a-f]{12}$", description="Identity over pushes: path, function, rule and anchor or witness."
    )
    path: RepositoryPath
    function: str = Field(description="Qualified name.")
    start_line: Line
    end_line: Line
    rule: str
    category: Category
    severity: Severity
    title: str
    message: str
    witness: WitnessRecord
    suspicious_lines: Scores = Field(description="Line of the head file -> Ochiai score, 0 to 1.")
    suggestion: SuggestionRecord | None
    verdict: VerdictRecord | None
    rejected: Many[RejectedRecord]
    search: SearchRecord | None
    why_no_suggestion: str
    replay: str
    definition: DefinedRecord
    ignored: Flag = Field(default=False, description="Somebody asked not to hear of it: it does not count.")
    probe: ProbeRecord | None = Field(default=None, description="What a made witness was made of.")
    anchor: str = Field(default="", description="What its id rests on where no test of the repository does.")
    cwe: Weakness = Field(default=0, description="Number of the weakness (CWE); 0 for none.")

    @model_validator(mode="after")
    def _one_place(self, info: ValidationInfo) -> Self:
        if info.context:
            if self.end_line < self.start_line:
                raise ValueError("it ends before it starts")
            changed = [self.suggestion, *self.suggestion.also] if self.suggestion else []
            if any(change.path != self.definition.head.path for change in changed):
                raise ValueError("its suggestion is for another file")
        return self


class FunctionRecord(Record):
    """A function that was looked at."""

    path: RepositoryPath
    function: str
    how: str
    start_line: Line
    end_line: Line
    tests: Count = Field(description="How many tests execute it at head.")
    calls: Count
    unexecuted_lines: Many[Line] = Field(description="Changed lines that no test executed.")
    definition: DefinedRecord
    whole: Flag = Field(default=True, description="Whether all that was to be done about it was done.")
    differences: Many[DifferenceRecord] = Field(
        default=(), description="Inputs on which head answers otherwise than base, a few of each kind."
    )
    compared: Count = Field(default=0, description="Inputs on which base and head were compared.")
    left_alone: str = Field(default="", description="Why it was not compared, or not timed.")
    seconds: Number = Field(default=0.0, description="Wall time that was spent on it alone.")


class NotReviewedRecord(Record):
    """Something in the change that was left out."""

    path: RepositoryPath
    symbol: str | None
    lines: Many[Line]
    slug: str
    reason: str


class UnprovenRecord(Record):
    """A suspicion that running did not confirm."""

    rule: str
    category: Category
    path: RepositoryPath
    function: str
    message: str
    tests: Many[str]
    suspicious_lines: Scores
    score: Number
    definition: DefinedRecord


class TestChangeRecord(Record):
    """A test that the branch added, changed, weakened or removed."""

    __test__ = False

    path: RepositoryPath
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

    executions: Count
    containers: Count
    seconds: Number
    prepare_seconds: Number
    candidates: Count
    verified: Count
    usage: UsageRecord = Field(default=UsageRecord(), description="Of model endpoints.")


class TargetRecord(Record):
    """The pull request that the review is about."""

    platform: Name
    repository: Repository = Field(description="`owner/name`; on GitLab, groups may lie in groups.")
    number: Line
    head: ObjectId = Field(description="Commit id of its tip when it was reviewed.")


class ResultRecord(Record):
    """The result of one review. Lines are numbers in the head file, inclusive."""

    schema_: str = Field(alias="schema", description="Name and version of this format.")
    tryline: str = Field(description="Version that wrote it.")
    id: ReviewId
    conclusion: Conclusion
    change: ChangeRecord
    findings: Many[FindingRecord] = Field(max_length=MOST_ITEMS)
    functions: Many[FunctionRecord] = Field(max_length=MOST_ITEMS)
    not_reviewed: Many[NotReviewedRecord]
    unproven: Many[UnprovenRecord]
    test_changes: Many[TestChangeRecord]
    problems: Many[ProblemRecord]
    flaky: Many[str]
    suite: Annotated[dict[Name, Counts], Field(max_length=20), _counted(20)] = Field(
        description="`base` and `head` -> outcome -> how many tests."
    )
    costs: CostsRecord
    environment: Annotated[dict[str, str], Field(max_length=200), _counted(200)]
    notes: Many[str] = Field(default=(), description="How it ran, where that is no problem.")
    target: TargetRecord | None = Field(default=None, description="The pull request, where there is one.")


# ------------------------------------------------------------------------------------------------- an audit

AUDIT_VERSION = "1.0"
"""Changes as `SCHEMA_VERSION` does; the review in an audit has that of its own."""
AUDIT_SCHEMA = f"tryline/audit/{AUDIT_VERSION}"
MOST_FUNCTIONS = 200_000
"""Of one audit."""
Share = Annotated[float, Strict(), Field(ge=0, le=1)]
Time = Annotated[
    str, _checked(r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d))?", "a time in ISO 8601")
]
Measures = Annotated[dict[Name, Number], Field(max_length=100), _counted(100)]


class RiskRecord(Record):
    """Why a function is looked at before another."""

    score: Share = Field(description="The weighted mean of the factors (docs/audit.md).")
    factors: Measures
    measures: Measures = Field(description="The figures behind them: branches, commits, callers, findings, days.")


class AuditedFunctionRecord(Record):
    """One function in one audit."""

    path: RepositoryPath
    function: str
    start_line: Line
    end_line: Line
    key: Annotated[str, _checked(r"[0-9a-f]{0,64}", "a digest")] = Field(
        description="Digest of all that its result depends on."
    )
    risk: RiskRecord
    attention: Attention
    when: Time = Field(description="When its result was made; empty where there is none.")
    tests: Count
    calls: Count
    seconds: Number
    executions: Count
    why: str = Field(description="Why it has no result of this audit, or what of it was left alone.")


class AuditedFindingRecord(Record):
    """How a finding of the review stands against the audits before."""

    id: Name
    standing: Literal[Standing.NEW, Standing.STILL]
    since: Time


class FixedRecord(Record):
    """A finding of an earlier audit that is no more."""

    id: Name
    title: str
    function: str = Field(description="`FILE::QUALNAME`.")
    rule: Name
    severity: Severity
    since: Time
    fixed: Time


class AuditRecord(Record):
    """The result of one audit."""

    schema_: str = Field(alias="schema", description="Name and version of this format.")
    tryline: str = Field(description="Version that wrote it.")
    id: ReviewId
    when: Time
    previous: Time = Field(description="When the audit before was; empty where there was none.")
    paths: Many[RepositoryPath] = Field(description="What was audited; empty: the whole tree.")
    complete: Flag = Field(description="Whether every function has a result of its present text.")
    functions: Many[AuditedFunctionRecord] = Field(max_length=MOST_FUNCTIONS, description="Highest risk first.")
    findings: Many[AuditedFindingRecord] = Field(
        max_length=MOST_FUNCTIONS, description="Of each finding of `review`, in its order."
    )
    fixed: Many[FixedRecord] = Field(max_length=MOST_FUNCTIONS)
    review: ResultRecord = Field(description="All of it as the result of one review (docs/result.md).")


# -------------------------------------------------------------------------------------------------- in and out


def written_audit(raw: object) -> dict[str, Any]:
    """A value of our own as the documented one."""
    return AuditRecord.model_validate(raw).model_dump(mode="json", by_alias=True)


def parsed_audit(data: object) -> AuditRecord:
    """A foreign value, checked. Raises UsageError: `result-version`, `result-invalid`."""
    return _parsed(data, AuditRecord, AUDIT_SCHEMA)


def audit_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of an audit."""
    return _schema(AuditRecord, AUDIT_SCHEMA, f"Tryline audit {AUDIT_VERSION}")


def written(raw: object) -> dict[str, Any]:
    """A value of our own as the documented one."""
    return ResultRecord.model_validate(raw).model_dump(mode="json", by_alias=True)


def parsed(data: object) -> ResultRecord:
    """A foreign value, checked. Raises UsageError: `result-version`, `result-invalid`."""
    return _parsed(data, ResultRecord, SCHEMA)


_Whole = TypeVar("_Whole", bound=Record)


def _parsed(data: object, record: type[_Whole], name: str) -> _Whole:
    if isinstance(data, dict) and "schema" in data:
        _check_version(str(data["schema"]), name)
    if _half_characters(data):
        # What writes a result replaces them: a text that holds one would not be the same when it is saved again.
        raise invalid("a text in it is no Unicode: it holds half of a character")
    try:
        return record.model_validate(data, context={"foreign": True})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise invalid(f"{where[:200]}: {first['msg'][:200]}") from None


def _half_characters(data: object) -> bool:
    """Whether a text anywhere in a JSON value holds a lone surrogate. No recursion: it may be nested deeply."""
    left = [data]
    while left:
        value = left.pop()
        if isinstance(value, str):
            if _SURROGATE.search(value):
                return True
        elif isinstance(value, dict):
            left += value.keys()
            left += value.values()
        elif isinstance(value, list | tuple):
            left += value
    return False


def inside(path: str) -> bool:
    """Whether a path can be one of a file in the repository."""
    return re.fullmatch(_PATH, path) is not None


def invalid(why: str) -> UsageError:
    """The error that something which is no result of ours makes."""
    return UsageError(
        f"not a Tryline result: {why}",
        hint="docs/result.md describes the format; `tryline review --format json` writes it.",
        slug="result-invalid",
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the result."""
    return _schema(ResultRecord, SCHEMA, f"Tryline result {SCHEMA_VERSION}")


def _schema(record: type[Record], name: str, title: str) -> dict[str, Any]:
    generated = record.model_json_schema(by_alias=True, mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{name.replace('/', ':')}",
        **generated,
        "title": title,
    }


def _check_version(given: str, ours: str) -> None:
    """Refuses another format, and another major version. Raises UsageError."""
    kind, _, version = ours.rpartition("/")
    major = re.fullmatch(rf"{re.escape(kind)}/(\d{{1,4}})\.\d{{1,4}}", given)
    if major is None or major[1] != version.partition(".")[0]:
        raise UsageError(
            f"the result is of the format {given[:60]!r}, this version reads {ours!r}",
            hint="Use the version of Tryline that wrote it, or run it again.",
            slug="result-version",
        )

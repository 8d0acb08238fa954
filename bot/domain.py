"""Every noun of a review, frozen, in the order in which a pull request meets them.

Nothing here does input or output. A thing that can fail to exist is a case of its own that says why
(`NotReviewed`, `Rejected`, `Problem`), so that it reaches the report instead of vanishing.

The types carry the product's promises: a `Suspicion` is not proven, a `Finding` is; a `Candidate` is not
proven, a `Rewrite` is, and only an accepted `Verdict` makes one (see `Rewrite.of`).
"""

from __future__ import annotations

import enum
import hashlib
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from bot import identity
from bot.kinds import Difference, Measured

# --------------------------------------------------------------------------------------------------- find


@dataclass(frozen=True)
class Revision:
    """One state of the repository."""

    name: str
    """What the user called it: a ref, a commit, or `working tree`."""
    commit: str | None
    """Full commit id; None for a working tree that is not committed."""
    tree: str
    """Id of the git tree object that holds the files."""


class FileStatus(enum.StrEnum):
    """How git describes what happened to a file between two trees."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    RENAMED = "renamed"
    COPIED = "copied"
    TYPE_CHANGED = "type-changed"


@dataclass(frozen=True)
class DiffLine:
    """One line of a hunk. A removed line has no `new`, an added one no `old`; a context line has both."""

    old: int | None
    new: int | None
    text: str


@dataclass(frozen=True)
class Hunk:
    """One hunk of a unified diff, line numbers 1-based."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[DiffLine, ...]

    def commentable(self) -> tuple[int, ...]:
        """Lines of the new file, in order, on which a platform accepts an inline comment."""
        return tuple(line.new for line in self.lines if line.new is not None)

    def added(self) -> tuple[int, ...]:
        """Lines of the new file that this hunk adds or rewrites."""
        return tuple(line.new for line in self.lines if line.old is None and line.new is not None)


@dataclass(frozen=True)
class FileDiff:
    """What the change did to one file."""

    path: str
    """Path at head (at base for a deleted file), posix, relative to the repository."""
    old_path: str | None
    """Path at base; None for an added file."""
    status: FileStatus
    hunks: tuple[Hunk, ...] = ()
    binary: bool = False
    mode: str = "100644"
    """Git's file mode at head (at base for a deleted file): 120000 is a symlink, 160000 a submodule."""

    def commentable(self) -> frozenset[int]:
        """Every line of the new file that can bear an inline comment."""
        return frozenset(line for hunk in self.hunks for line in hunk.commentable())


@dataclass(frozen=True)
class Change:
    """What is under review: two revisions and what lies between them."""

    base: Revision
    head: Revision
    files: tuple[FileDiff, ...]


@dataclass(frozen=True)
class Function:
    """One function or method as it stands in a file."""

    path: str
    qualname: str
    """Python's `__qualname__`; a later definition of the same name in the same scope gets `@2`, `@3` ..."""
    start_line: int
    """First line, decorators included, 1-based."""
    end_line: int
    """Last line, inclusive."""
    def_line: int
    """The line of `def`: what a code object calls `co_firstlineno` is `start_line`."""
    body_line: int
    """First line of the first statement of the body, the docstring included."""
    source: str
    """The lines `start_line` to `end_line` exactly as they stand in the decoded file, line ends included."""
    decorators: tuple[str, ...] = ()
    enclosing: tuple[str, ...] = ()
    """Kinds and names of the scopes around it, outermost first: `class Basket`, `def outer`."""
    is_async: bool = False
    is_generator: bool = False

    @property
    def id(self) -> str:
        """`FILE::QUALNAME`, the form that the command line takes."""
        return f"{self.path}::{self.qualname}"


@dataclass(frozen=True)
class ChangedFunction:
    """A function that the change added, modified or moved."""

    head: Function
    base: Function | None
    """Its counterpart at base; None when the change adds it."""
    changed_lines: tuple[int, ...]
    """Lines of the head file, inside the function, that the change added or rewrote."""
    how: str
    """`added`, `modified` or `moved` (same code, other place)."""

    @property
    def id(self) -> str:
        """Identity of the function at head."""
        return self.head.id


@dataclass(frozen=True)
class Unit:
    """What is swapped in a running process: the outermost function around the target, often the target itself."""

    path: str
    line: int
    """First line in the file, decorators included."""
    name: str
    classes: tuple[str, ...]
    """Names of the classes around it, outermost first."""
    source: str
    """Its lines as they stand in the file, `\\n` line ends."""
    target_path: tuple[tuple[str, int], ...] = ()
    """How to get from it to the target: (name, how many of that name stand before) per nesting."""
    parameters: tuple[tuple[str, str], ...] = ()
    """The target's parameters: name and how it is passed (`p`, `*`, `k`, `**`)."""


@dataclass(frozen=True)
class SuitePlan:
    """How the repository's tests are run."""

    args: tuple[str, ...]
    """Arguments for pytest, paths apart."""
    paths: tuple[str, ...]
    """Where the tests are; empty for pytest's own defaults."""
    summary: str
    """One line for the reader: `pytest, tests/`."""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NotReviewed:
    """Something in the change that was left out, and why. Shown to the reader, always."""

    path: str
    symbol: str | None
    lines: tuple[int, ...]
    slug: str
    """Stable name of the reason, e.g. `outside-functions`, `binary`, `over-budget`."""
    reason: str
    """One sentence for the reader."""


@dataclass(frozen=True)
class Found:
    """The functions that a change touched, and what of the change lies outside them."""

    functions: tuple[ChangedFunction, ...]
    not_reviewed: tuple[NotReviewed, ...]


# ------------------------------------------------------------------------------------------------ prepare


@dataclass(frozen=True)
class InstallStep:
    """One command of an installation, run in a container as an argument vector, never through a shell."""

    argv: tuple[str, ...]
    purpose: str
    """For the log and the report: `install the project, editable, with its extra 'test'`."""
    required: bool = True
    """A failing required step fails the image; another one is reported and the next alternative is tried."""
    env: Mapping[str, str] = field(default_factory=dict)
    group: str = ""
    """Steps in a row with one group are alternatives: the first that succeeds makes the others unnecessary,
    and the group has failed when all have (the image too, if one of them is required)."""


@dataclass(frozen=True)
class Recipe:
    """How the image of a repository is made. Its `key` is what the image cache is asked for."""

    python: str | None
    """Wanted version as `3.12`, or None for the best that is there."""
    image: str | None
    """Base image named by the user."""
    dockerfile: str | None
    """Text of a Dockerfile named by the user, used as the base image."""
    manifest: Mapping[str, str]
    """Content digests of the files that installation depends on, by path."""
    steps: tuple[InstallStep, ...]
    summary: str
    """One line for the reader: `pyproject.toml (setuptools), extra 'test'`."""

    def key(self) -> str:
        """Digest over everything that the resulting image depends on, apart from the base image's own id."""
        parts = [self.python or "", self.image or "", self.dockerfile or ""]
        parts += [f"{path}={digest}" for path, digest in sorted(self.manifest.items())]
        for step in self.steps:
            env = [f"{name}={value}" for name, value in sorted(step.env.items())]
            parts += [*step.argv, *env, str(step.required), step.group, ";"]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


@dataclass(frozen=True)
class Image:
    """A prepared image: an interpreter and a repository's dependencies."""

    reference: str
    """What the engine calls it (an id or a tag of ours)."""
    python: tuple[int, int, int]
    """Version of the interpreter at `/venv/bin/python` inside."""
    origin: str
    """Where the base came from: `pulled python:3.12-slim`, `made from the local interpreter 3.11.7`, ..."""
    cached: bool
    seconds: float
    log: str = ""
    """Tail of the installation's log."""
    problem: str | None = None
    """Why the installation is incomplete, if it is; the image can still run what needs no dependency."""


@dataclass(frozen=True)
class Limits:
    """What a container and each execution in it may use."""

    memory_mb: int = 2048
    cpus: float = 2.0
    processes: int = 256
    workspace_mb: int = 512
    """Size of the in-memory work area that holds the repository's files; counts towards memory."""
    tmp_mb: int = 128
    file_mb: int = 64
    """Largest file that repository code may write."""
    output_kb: int = 256
    """What is kept of one execution's output."""


# ------------------------------------------------------------------------------------------------ observe


class Outcome(enum.StrEnum):
    """How one test ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """Failed outside the test's own body: in a fixture, in set-up, or while it was collected."""
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    """The process died (signal, os._exit) while this test ran."""

    @property
    def good(self) -> bool:
        """True for an outcome that a suite counts as success."""
        return self in (Outcome.PASSED, Outcome.XFAILED)

    @property
    def bad(self) -> bool:
        """True for an outcome that makes a suite red."""
        return self in (Outcome.FAILED, Outcome.ERROR, Outcome.TIMEOUT, Outcome.CRASHED)


@dataclass(frozen=True)
class Frame:
    """One entry of a traceback, innermost last; `path` is relative to the repository or a bare file name."""

    path: str
    line: int
    function: str


@dataclass(frozen=True)
class TestResult:
    """What one test did in one run. Text from inside a container is data: escape it before showing it."""

    __test__ = False  # pytest must not take it for a test class

    id: str
    """The runner's own id: `tests/test_cart.py::TestTotal::test_empty[0]`."""
    outcome: Outcome
    seconds: float
    message: str = ""
    """First failure, clipped."""
    exception: str = ""
    """Class name of what was raised, e.g. `AssertionError`; empty when nothing was."""
    frames: tuple[Frame, ...] = ()


def pace(seconds: float) -> int:
    """How slow a test is, coarsely: 0 up to a quarter of a second, one more for each doubling.

    Tests are ordered by it: an order by exact times would differ from run to run, and all that follows with it.
    """
    return max(0, math.ceil(math.log2(seconds / 0.25))) if seconds > 0.25 else 0


@dataclass(frozen=True)
class Call:
    """One recorded call of a watched function."""

    test: str
    arguments: str
    """Arguments as Python source or clipped repr, for a reader: `[1, 2], key=None`."""
    result: str
    """Clipped repr of the result; empty when it raised."""
    raised: str
    """Class name of the exception that escaped; empty when it returned."""
    digest: str
    """Digest of the arguments, equal for equal plain-data arguments; empty if they could not be digested."""
    pickled: str = ""
    """Arguments as base64 of a pickle, to be loaded in a container only; empty when not replayable."""
    outcome: str = ""
    """Digest of the result (or exception) and of the arguments afterwards."""
    source: str = ""
    """Arguments as Python source of a tuple, in the order of the parameters; empty where they have none."""
    answer: str = ""
    """The result as Python source; empty where it raised, or has none."""
    needs: tuple[str, ...] = ()
    """Import statements that `source` and `answer` need."""


@dataclass(frozen=True)
class Problem:
    """Why something did not run or did not finish. Not a finding about the code under review."""

    slug: str
    """`no-tests`, `collection`, `timeout`, `output-flood`, `killed`, `disk`, `engine`, `network`, `install` ..."""
    message: str
    """What happened, where, and what to do, in one or two sentences."""
    log: str = ""
    """Tail of what was printed, clipped and cleaned."""


Coverage = Mapping[str, Mapping[str, tuple[int, ...]]]
"""Test id -> path -> lines that it executed, only for the watched files."""


@dataclass(frozen=True)
class SuiteRun:
    """One run of a suite, or of a part of it, in one container."""

    collected: tuple[str, ...]
    tests: tuple[TestResult, ...]
    exit_code: int | None
    """The runner's own exit code; None when it was killed."""
    seconds: float
    covered: Coverage = field(default_factory=dict)
    calls: Mapping[str, tuple[Call, ...]] = field(default_factory=dict)
    """Function id -> calls recorded."""
    problem: Problem | None = None
    output: str = ""
    """Tail of what the runner printed."""

    def by_id(self) -> dict[str, TestResult]:
        """Results by test id."""
        return {test.id: test for test in self.tests}

    def executing(self, path: str, lines: range) -> tuple[str, ...]:
        """Ids of the tests that executed any of these lines, in the order in which they ran."""
        hit = set()
        for test, files in self.covered.items():
            if any(line in lines for line in files.get(path, ())):
                hit.add(test)
        return tuple(test.id for test in self.tests if test.id in hit)


@dataclass(frozen=True)
class Evidence:
    """What running base and head showed."""

    base: SuiteRun
    head: SuiteRun
    flaky: frozenset[str] = frozenset()
    """Tests whose outcome changed between runs of the same code; never evidence."""
    confirmed: frozenset[str] = frozenset()
    """Tests red on head and green on base in every repetition."""
    test_changes: tuple[TestChange, ...] = ()
    repeats: int = 1
    """How many times the tests that decide were run on each side."""

    def executing(self, function: Function) -> tuple[str, ...]:
        """Tests that execute a function of head, in the order in which they ran, flaky ones left out."""
        lines = range(function.def_line, function.end_line + 1)
        return tuple(test for test in self.head.executing(function.path, lines) if test not in self.flaky)


@dataclass(frozen=True)
class TestChange:
    """A test that the branch added, changed, weakened or removed."""

    __test__ = False

    path: str
    name: str
    how: str
    """`added`, `modified`, `weakened` or `deleted`."""
    detail: str = ""
    """For a weakened test what was lost: `3 assertions became 1`, `marked skip`."""


# ------------------------------------------------------------------------------------------ suspect, prove


class Category(enum.StrEnum):
    """What kind of harm a finding is about."""

    CORRECTNESS = "correctness"
    SECURITY = "security"
    PERFORMANCE = "performance"


class Severity(enum.StrEnum):
    """How bad, from what was shown by running."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for the least severe."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Suspicion:
    """A named problem that nothing has proven yet."""

    rule: str
    """`tests/regression`, `tests/crash`, `tests/new-test-fails` ..."""
    category: Category
    function: ChangedFunction
    message: str
    tests: tuple[str, ...]
    """Tests that would be its witness."""
    suspicious_lines: Mapping[int, float] = field(default_factory=dict)
    """Line of the head file -> Ochiai score, 0 to 1."""
    score: float = 0.0
    """How much speaks for this function rather than another, 0 to 1."""
    probe: Probe | None = None
    """A witness that somebody wrote for it and that has not run yet."""


@dataclass(frozen=True)
class Probe:
    """A witness proposed with a suspicion: a test module that must run before anything is believed."""

    kind: str
    """`test`: written as a pytest module; `call`: made by us of one call and its expected result; `input`: made by
    us of an input on which base returned; `attack`: made by us of payloads (`kinds.Attack`). The last two are ours
    alone: nothing that is read from a conversation or a model may have them."""
    code: str
    """The whole test module, with exactly one test."""
    test: str
    """Name of its test function."""
    claim: str
    """What is said to go wrong at head, in words."""
    raises: str = ""
    """Class name of the exception that is said to come out at head; empty: an assertion fails."""
    source: str = ""
    """Who proposed it: an endpoint's name."""
    severity: Severity = Severity.MEDIUM
    """As proposed; a finding's is capped by what was shown."""
    line: int = 0
    """Line of the function that is said to be wrong, 1 its first; 0 where none is named. A push may move it."""
    call: str = ""
    """Kind `call`: the call."""
    expected: str = ""
    """Kind `call`: the result that it should have, a literal."""
    fixed: str = ""
    """The whole function as its proposer believes it right; empty where it gave none that fits."""
    imports: tuple[str, ...] = ()
    """Import statements that `fixed` needs."""
    stub: str = ""
    """Kind `call`: the function giving just the expected result."""
    cwe: int = 0
    """Kind `attack`: the weakness that it shows."""
    payload: str = ""
    """Kind `attack`: what is given to the function."""
    title: str = ""
    """Kinds `input` and `attack`: the heading of the finding."""

    @property
    def ours(self) -> bool:
        """Whether it was made by us out of what ran or of a table, and not by a model."""
        return self.kind in ("input", "attack")


@dataclass(frozen=True)
class Witness:
    """What shows the problem when it is run."""

    kind: str
    """`test`: tests red on head and green on base; `call`: one recorded call; `input`: a test made of an input
    that base answers and head does not; `attack`: a test whose payload lands; `measure`: times, and no test."""
    tests: tuple[str, ...]
    command: str
    """What a person types to see it, from the root of the repository at head."""
    failure: str
    """What happens at head, clipped text from the run."""
    call: Call | None = None
    repeats: int = 2
    """How many times each side was run with the same outcome."""
    code: str = ""
    """The test module, where the repository has none that shows it: saved as `path`, `command` runs it."""
    path: str = ""
    """Where `code` belongs, relative to the repository; empty where there is none."""
    payload: str = ""
    """Kind `attack`: what was given to the function."""
    sink: str = ""
    """Kind `attack`: where it arrived: `subprocess.Popen`, `sqlite3 execute` ..."""
    stack: tuple[Frame, ...] = ()
    """Kind `attack`: the repository's frames at the sink; kind `input`: of what was raised; innermost last."""
    measured: Measured | None = None
    """Kind `measure`: head against base, or a rewrite against head."""


@dataclass(frozen=True)
class Finding:
    """A suspicion that produced a witness when run."""

    rule: str
    category: Category
    severity: Severity
    function: ChangedFunction
    start_line: int
    end_line: int
    """Lines of the head file that the finding points at, inclusive."""
    title: str
    message: str
    """What happens, with which input, and why it matters: at most a few sentences."""
    witness: Witness
    suspicious_lines: Mapping[int, float] = field(default_factory=dict)
    probe: Probe | None = None
    """What the witness was made of, where a model wrote it: a later push runs it again."""
    cwe: int = 0
    """Number of the weakness (CWE), for security; 0 otherwise."""
    anchor: str = ""
    """What tells it from other findings of its rule in its function, where no test of the repository does: set
    once, where it is found. Whoever moves the lines that it points at leaves it alone."""

    @property
    def id(self) -> str:
        """Identity over pushes and repeated runs: path, symbol, rule, and the anchor or the first test of the
        witness; no line number, and nothing that a run makes up."""
        tests = sorted(identity.test(test) for test in self.witness.tests)
        rest = (self.anchor,) if self.anchor else tests[:1]
        return identity.digest(self.function.head.path, self.function.head.qualname, self.rule, *rest)


# ------------------------------------------------------------------------------------------- model endpoints


@dataclass(frozen=True)
class Usage:
    """What requests to model endpoints used, by the servers' own figures."""

    requests: int = 0
    """To the model, over the wire; answers from the cache and the encoding of text as ids are not counted."""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    """Of `tokens_in`: what the server says that its prefix cache held."""
    from_cache: int = 0
    """Requests answered from our own disk. A recording that is replayed books what the recorded run used."""
    seconds: float = 0.0
    """Waiting for answers, summed over requests."""
    money: float = 0.0
    """By the configured prices; 0 where none are."""
    estimated: int = 0
    """Of `requests`: how many came back without usage, their tokens estimated by us."""

    def plus(self, other: Usage) -> Usage:
        """Both together."""
        mine, theirs = asdict(self), asdict(other)
        return Usage(**{name: mine[name] + theirs[name] for name in mine})

    def minus(self, other: Usage) -> Usage:
        """What was used since `other`, an earlier reading."""
        mine, theirs = asdict(self), asdict(other)
        return Usage(**{name: mine[name] - theirs[name] for name in mine})


@dataclass(frozen=True)
class Signature:
    """A function or class that the reviewed function uses, as a prompt shows it."""

    name: str
    text: str
    """Its `def` or `class` line, and the first line of its docstring."""


@dataclass(frozen=True)
class Surroundings:
    """What stands around a function in its file, and is needed to understand it."""

    imports: tuple[str, ...] = ()
    """Import statements of the module, as written."""
    header: str = ""
    """`class` line of the enclosing class, its docstring's first line, its attributes and `__init__`; or ''."""
    helpers: tuple[Signature, ...] = ()
    """What the function calls and the same file defines."""
    constants: tuple[str, ...] = ()
    """Module-level assignments that the function reads."""


@dataclass(frozen=True)
class Brief:
    """Everything that a prompt tells of one function; the same for every rung and both branches of CFG."""

    function: Function
    surroundings: Surroundings
    base: Function | None = None
    finding: Finding | None = None
    tests: tuple[tuple[str, str], ...] = ()
    """(test id, source) of the tests that guide."""
    calls: tuple[Call, ...] = ()
    """Observed calls of the reference: base's where base is, else head's."""
    failures: tuple[tuple[str, str], ...] = ()
    """(test id, what it says when it fails) at head."""


@dataclass(frozen=True)
class Shown:
    """One candidate as the signal shows it: its lines, and what running it did."""

    lines: str
    """The candidate's new lines, as text."""
    outcome: str
    """`passes`, `as-before`, `raises X at line n`, `timeout` ..."""
    message: str = ""
    """First failure."""
    trace: tuple[tuple[int, tuple[tuple[str, str, str], ...]], ...] = ()
    """(line of the function's text, ((name, type, value), ...) changed there), in order of execution."""
    tests: Mapping[str, str] = field(default_factory=dict)
    """Test id -> outcome word."""
    source: str = ""
    """The function's text as it was run, for the lines that the trace names; '' leaves their numbers alone."""


# ------------------------------------------------------------------------------------------------ propose


@dataclass(frozen=True)
class Edit:
    """Replaces the lines `start` to `end` (1-based, `end` exclusive) of a function's source by `lines`.

    `start == end` inserts before `start`. Lines carry no line end.
    """

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Proposal:
    """One candidate for one line of a function: keep it, delete it, replace it, put something before it."""

    edit: Edit | None
    """None keeps the line."""
    logprob: float
    """Natural logarithm of its weight among this line's proposals; 0 at most."""
    operator: str
    """Which rule or rung made it: `keep`, `swap-comparison`, `restore-base` ..."""
    source: str
    """The proposer's name: `edits`, or an endpoint's."""
    imports: tuple[str, ...] = ()
    """Whole import statements that the proposal needs at module level and the module lacks."""
    rung: str = "line-guided"
    """Which rung of the ladder made it: `plain`, `best-of-n`, `self-debug`, `line-guided`, `token-cfg`."""


@dataclass(frozen=True)
class Observed:
    """What running the current version showed at one line: used by proposers to choose well-typed edits."""

    types: Mapping[str, str]
    """Variable name -> class name at run time."""
    values: Mapping[str, str]
    """Variable name -> clipped repr."""


@dataclass(frozen=True)
class Situation:
    """What a proposer is told when it is asked for one line."""

    function: Function
    """The function at head."""
    source: str
    """Its text now, dedented by nothing: accepted edits are already in it. Line ends are `\\n`."""
    line: int
    """The line of `source` (1-based) that starts the statement to decide."""
    module: str
    """Text of the whole head file, for names in scope, imports and helpers."""
    base: Function | None
    """The function at base, if there is one."""
    finding: Finding | None
    suspiciousness: float
    """Of this line, 0 to 1."""
    observed: Observed | None
    width: int
    """How many proposals are wanted, `keep` included."""
    skip: int = 0
    """How many of the best to pass over: the second widening of a line asks with `skip=width`."""


class Status(enum.StrEnum):
    """What a trial of a whole function came to, worst first."""

    SYNTAX = "syntax-error"
    BROKEN = "broken"
    """Could not be put in place: other free variables, a failing import."""
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    WORSE = "worse"
    """A test that was green is red, or an exception comes earlier."""
    SAME = "as-before"
    OTHER = "other-failure"
    """As many tests fail, but in another way."""
    BETTER = "better"
    PASSED = "passed"
    """All guide tests pass."""


@dataclass(frozen=True)
class TrialResult:
    """What one source in the function's place did when it was run on the guide tests."""

    status: Status
    outcomes: Mapping[str, Outcome]
    message: str
    """First failure, clipped."""
    exception: str
    line: int
    """Line of the function's source at which the first failure was raised; 0 when outside it."""
    seconds: float
    steps: int
    """Statements of the function executed."""
    signature: str
    """Digest of outcomes and trace: equal for candidates that behave alike."""
    agreement: float = 0.0
    """Share of the reference's recorded calls that it answers alike, 0 to 1."""
    memory_kb: int = 0
    gain: float = 0.0
    """How much nearer to green than the original, in tests; negative when further away."""


Trace = tuple[tuple[int, tuple[tuple[str, str, str], ...]], ...]
"""(line of the function's text, ((name, type, value), ...) changed there), in order of execution. On line 0 the
function is entered or left: `call`, `return`, `raise` or `yield` stands for the name."""


class Turn(enum.StrEnum):
    """What a step of a search is about."""

    LINE = "line"
    """One line, decided for the first time."""
    WHOLE = "whole"
    """Whole versions of the function, as a model wrote them."""
    WIDER = "wider"
    """A line once more, with the proposals that were passed over before."""
    BRANCH = "branch"
    """A line of a branch that was passed over, after a roll-back to it."""
    BACK = "roll-back"
    """Nothing led on: the search went back to a branch point. No trials."""


@dataclass(frozen=True)
class Trial:
    """A proposal at one line, and what it did when run: the record of the search."""

    proposal: Proposal
    source: str
    """The whole function as it was tried."""
    result: TrialResult
    score: float
    """`log p` reweighted by the outcome; what the line was decided on."""
    merged_into: int | None = None
    """Index among this line's trials of the likelier one that behaves the same."""
    said: str = ""
    """The statement that a model wrote here, where the proposal is no edit; empty for a whole version."""
    votes: int = 0
    """How many of the model's samples said the same; 0 for an edit."""
    trace: Trace = ()
    """The values that it changed on a failing test, in lines of `source`; bounded, and only of telling trials."""


@dataclass(frozen=True)
class LineStep:
    """One decided line of a guided search."""

    line: int
    text: str
    suspiciousness: float
    trials: tuple[Trial, ...]
    chosen: int | None
    """Index into `trials`; None when the search rolled back here, or the line was kept."""
    depth: int
    """How many edits the prefix already held."""
    turn: Turn = Turn.LINE
    why: str = ""
    """Why this one was chosen, or none, or why the search went back: one sentence of ours."""
    prefix: tuple[str, ...] = ()
    """Operators of the edits that the prefix already held."""


@dataclass(frozen=True)
class Candidate:
    """A rewrite that passed all guide tests in the warm sandbox and is not proven yet."""

    function: Function
    source: str
    """The whole function, `\\n` line ends."""
    imports: tuple[str, ...]
    edits: tuple[str, ...]
    """Operators that made it, in order."""
    logprob: float
    agreement: float
    """Share of recorded and derived inputs on which it answers as base does; 1 where no base exists."""
    seconds: float
    is_revert: bool
    """Equal to the function at base, apart from layout and comments."""
    proposer: str = "edits"
    """Who proposed its deciding edit: `edits`, or an endpoint's name."""
    rung: str = "line-guided"
    """Which rung of the ladder found it."""
    expected: Mapping[str, Outcome] = field(default_factory=dict)
    """What the warm runs showed, by test: the cold run must show the same."""
    confidence: float = 1.0
    """Share of the passing versions, by probability, that answer as it does on further inputs. Where base
    decides: 1, or 0 for one that answers unlike base and head."""


@dataclass(frozen=True)
class RungRun:
    """One rung of the ladder, as it was climbed."""

    name: str
    candidates: int
    """Different versions that were run."""
    passed: int
    """Of them: how many passed all guide tests."""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    note: str = ""
    """Why it ended early or was left out; empty where nothing is to be said."""


@dataclass(frozen=True)
class Search:
    """One guided search: what was tried, and what it found, best first."""

    steps: tuple[LineStep, ...]
    candidates: tuple[Candidate, ...]
    executions: int
    seconds: float
    stopped: str
    """Why it ended: `found`, `exhausted`, `executions`, `seconds`, `not-runnable`."""
    tier: str = "E"
    notes: tuple[str, ...] = ()
    rungs: tuple[RungRun, ...] = ()
    """In the order in which they were climbed."""
    usage: Usage = field(default_factory=Usage)


# ------------------------------------------------------------------------------------------------- verify


@dataclass(frozen=True)
class Judgement:
    """What one check says of one candidate."""

    check: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class MatrixRow:
    """One test over the three versions; None where it was not run."""

    test: str
    base: Outcome | None
    head: Outcome | None
    candidate: Outcome | None


class ProofLevel(enum.StrEnum):
    """Who could have lied to a verdict."""

    APART = "apart"
    """The tests also ran with the function in a process of its own, from which only plain values reach them: no
    version could have made them green but by right answers."""
    IN_PROCESS = "in-process"
    """The tests ran in the process of the function alone, under the guards that the checks name."""


@dataclass(frozen=True)
class Verdict:
    """The cold proof of one candidate."""

    judgements: tuple[Judgement, ...]
    matrix: tuple[MatrixRow, ...]
    tests_run: int
    """How many tests passed in the cold run."""
    tests_executing: int
    """How many of them execute the function."""
    selection: str
    """`whole suite`, or what was run instead and why."""
    seconds: float
    measured: Measured | None = None
    """The candidate against head, where times were compared."""
    mutants: int = 0
    """Versions with a changed line of the rewrite altered that were run on the tests."""
    noticed: int = 0
    """Of them: how many turned a test red."""
    symbolic: str = ""
    """What a symbolic comparison found, in words: extra, never a proof."""
    level: ProofLevel = ProofLevel.IN_PROCESS
    tests_apart: int = 0
    """How many tests ran with the function in a process of its own; 0 where the level is in-process."""
    why_in_process: str = ""
    """Why the function could not be run in a process of its own; empty where it was."""

    @property
    def accepted(self) -> bool:
        """True when every check is content; a verdict without checks is not accepted."""
        return bool(self.judgements) and all(judgement.ok for judgement in self.judgements)


@dataclass(frozen=True)
class Replacement:
    """Lines `start_line` to `end_line` of a head file (1-based, inclusive) become `replacement`.

    `replacement` is exact text with the file's own line ends; empty deletes the lines.
    """

    path: str
    start_line: int
    end_line: int
    replacement: str


@dataclass(frozen=True)
class Rewrite:
    """A candidate with an accepted verdict: the only thing that may be suggested."""

    candidate: Candidate
    verdict: Verdict
    suggestion: Replacement
    also: tuple[Replacement, ...]
    """Further hunks of the same change: imports."""
    label: str
    """`rewrite` or `revert`."""
    obstacle: str = ""
    """Why the suggestion, as it stands, is no block that a platform could apply with one click: `line-ends` (the
    file has other line ends than line feeds alone), `no-final-newline` (it touches a last line that does not
    end), `further-hunks` (`also` belongs to it); empty when nothing is in the way."""

    @staticmethod
    def of(
        candidate: Candidate,
        verdict: Verdict,
        suggestion: Replacement,
        also: tuple[Replacement, ...] = (),
        obstacle: str = "",
    ) -> Rewrite:
        """The rewrite that an accepted verdict makes of a candidate.

        Raises ValueError when the verdict is not accepted: nothing unproven can be suggested.
        """
        if not verdict.accepted:
            raise ValueError("a candidate whose verdict is not accepted cannot become a rewrite")
        label = "revert" if candidate.is_revert else "rewrite"
        return Rewrite(candidate, verdict, suggestion, also, label, obstacle)


@dataclass(frozen=True)
class Rejected:
    """A candidate that a check refused."""

    candidate: Candidate
    verdict: Verdict

    @property
    def reason(self) -> str:
        """The first judgement against it."""
        return next((f"{j.check}: {j.detail}" for j in self.verdict.judgements if not j.ok), "not judged")


# ------------------------------------------------------------------------------------------------- result


@dataclass(frozen=True)
class Costs:
    """What a review used."""

    executions: int = 0
    """Runs of a candidate or a suite."""
    containers: int = 0
    seconds: float = 0.0
    prepare_seconds: float = 0.0
    """Of which: making or finding images."""
    candidates: int = 0
    verified: int = 0
    usage: Usage = field(default_factory=Usage)
    """Of model endpoints."""

    def plus(self, **more: float) -> Costs:
        """These costs with some added."""
        return replace(self, **{name: getattr(self, name) + value for name, value in more.items()})


@dataclass(frozen=True)
class Reviewed:
    """One finding with what became of it."""

    finding: Finding
    rewrite: Rewrite | None
    search: Search | None
    rejected: tuple[Rejected, ...] = ()
    why_no_rewrite: str = ""
    ignored: bool = False
    """Somebody asked not to hear of it: proven all the same, not rewritten, and no part of the conclusion."""


class Conclusion(enum.StrEnum):
    """The whole review in one word."""

    CLEAN = "clean"
    """It ran, and found nothing."""
    FINDINGS = "findings"
    NEUTRAL = "neutral"
    """It could not run, or not all of what matters; never shown as green."""
    NOTHING = "nothing-to-review"
    """The change touches no function that this version reviews."""


@dataclass(frozen=True)
class FunctionReport:
    """What was looked at, function by function."""

    function: ChangedFunction
    tests: int
    """How many tests execute it at head."""
    calls: int
    unexecuted_lines: tuple[int, ...]
    """Changed lines that hold code and that no test executed."""
    whole: bool = True
    """Whether all that was to be done about it was done. Where not (a suite that did not finish, a budget that
    was spent, a model that gave no answer), what is not told of it is not gone, and it is reviewed again."""
    differences: tuple[Difference, ...] = ()
    """Inputs on which head answers otherwise than base, smallest first, a few of each kind."""
    compared: int = 0
    """Inputs on which base and head were compared."""
    left_alone: str = ""
    """Why its answers were not compared or its times not measured: `answers differ from run to run`."""
    seconds: float = 0.0
    """Wall time spent on it alone: calls of it, witnesses, times, rewrites; not what serves all functions."""


@dataclass(frozen=True)
class Target:
    """The pull request that a review is about."""

    platform: str
    """`github`."""
    repository: str
    """`owner/name`."""
    number: int
    head: str
    """Commit id of its tip when it was reviewed."""


@dataclass(frozen=True)
class Review:
    """The product's result: what a reader sees and what is saved."""

    id: str
    change: Change
    conclusion: Conclusion
    functions: tuple[FunctionReport, ...]
    findings: tuple[Reviewed, ...]
    not_reviewed: tuple[NotReviewed, ...]
    unproven: tuple[Suspicion, ...]
    test_changes: tuple[TestChange, ...]
    problems: tuple[Problem, ...]
    costs: Costs
    environment: Mapping[str, str]
    """What it ran on: tryline, python, engine, image, recipe, tier, isolation."""
    suite: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """`base` and `head` -> outcome -> how many tests."""
    flaky: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What the reader should know of how it ran, and what is no problem: a model that was not there."""
    target: Target | None = None
    """The pull request, where there is one."""

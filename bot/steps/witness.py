"""Witness: what a model suspects is run on base and head; only what really fails, as was said, is found.

Every proposed witness is put beside the repository's own tests, in a tree of its own, and has to pass one gate
after the other: it asks for the function's answer by the ways that callers have; it runs; it fails at head,
because of the function, for the stated reason, each time; it passes at base, each time. Where base cannot tell
(the function is new, or base fails otherwise), it must pass with a version that is believed right, and the
function's green tests must, too. What falls at a gate is counted by its reason and goes no further.
"""

from __future__ import annotations

import contextlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bot import identity, trial, wire
from bot.domain import (
    Call,
    Category,
    ChangedFunction,
    Evidence,
    Finding,
    Function,
    Outcome,
    Probe,
    Severity,
    SuiteRun,
    Suspicion,
    TestResult,
    Witness,
)
from bot.languages import Language, Unparsable
from bot.progress import Progress
from bot.sandboxes import Sandbox

TEST_SECONDS = 10.0
"""CPU seconds that a witness may use."""
GREEN_TESTS = 20
"""Tests of the repository that a version believed right must leave green, quick ones first."""
MOST_FILES = 20
"""Test files of a function that are read for the names that they use."""
MOST_LOST = 2
"""Witnesses that are waited for alone and do not answer either, before the others are given up."""
WORDS = 400
"""Characters of a model's own words that a finding shows."""
OWN_FAULTS = frozenset(
    [
        "NameError",
        "UnboundLocalError",
        "ImportError",
        "ModuleNotFoundError",
        "SyntaxError",
        "IndentationError",
        "FixtureLookupError",
    ]
)
"""Exceptions that speak against a witness, unless they come out of the function."""
ASSERTIONS = frozenset({"AssertionError", "Failed"})
"""What a test raises that asks and is disappointed; `Failed` is pytest's, of `raises` and `fail`."""
SKIPPED = frozenset({Outcome.SKIPPED, Outcome.XFAILED, Outcome.XPASSED})
TIMEOUTS = frozenset({"TimeoutError", "Timeout", "TestTimeout"})
"""How a model may say that the function does not end."""
CAPS = {Category.CORRECTNESS: Severity.HIGH, Category.PERFORMANCE: Severity.MEDIUM}
"""The most severe that a model may call what it found."""


class Sides(Protocol):
    """Base and head, ready to be run."""

    @property
    def base(self) -> trial.Side: ...

    @property
    def head(self) -> trial.Side: ...


class Texts(Protocol):
    """The head files of the changed functions, decoded, and the language of each, by path."""

    @property
    def text(self) -> Mapping[str, str]: ...

    @property
    def language(self) -> Mapping[str, Language]: ...


@dataclass(frozen=True)
class Dropped:
    """A suspicion whose witness proves nothing, and why."""

    suspicion: Suspicion
    reason: str
    """`broken`, `internals`, `trivial`, `passes-on-head`, `not-executed`, `other-reason`, `unsteady`,
    `fails-on-base`, `intended`, `no-correct-version`, `said-already`."""
    detail: str


@dataclass(frozen=True)
class Witnessed:
    """What came of the suspicions."""

    findings: tuple[Finding, ...]
    """Worst first."""
    left: tuple[Dropped, ...]
    """The others, in the order in which they were named."""
    evidence: Evidence
    """The evidence with the findings' witnesses among the tests of head, and of base where it can run them."""
    files: Mapping[str, str]
    """Path -> text of the test modules that findings rest on: what `trial.with_files` adds to a side."""

    @property
    def unproven(self) -> tuple[Suspicion, ...]:
        """The suspicions that are no findings."""
        return tuple(item.suspicion for item in self.left)

    @property
    def dropped(self) -> Mapping[str, int]:
        """Reason -> how many."""
        return dict(Counter(item.reason for item in self.left))


@dataclass(frozen=True)
class Placed:
    """A suspicion with its witness where it will run."""

    suspicion: Suspicion
    probe: Probe
    path: str

    @property
    def function(self) -> ChangedFunction:
        """The function under suspicion."""
        return self.suspicion.function

    @property
    def test(self) -> str:
        """The id of its test."""
        return f"{self.path}::{self.probe.test}"


@dataclass(frozen=True)
class Seen:
    """What one witness did in one run."""

    result: TestResult | None = None
    """None when it did not run."""
    covered: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Path -> lines of watched functions that it executed."""
    calls: tuple[Call, ...] = ()
    """Calls of the function under suspicion."""
    several: bool = False
    """Whether it was collected as more than one test."""

    @property
    def passed(self) -> bool:
        """Whether it ran and passed."""
        return self.result is not None and self.result.outcome is Outcome.PASSED

    @property
    def ending(self) -> tuple[str, str]:
        """Outcome and exception: what has to be the same each time."""
        return (self.result.outcome, self.result.exception) if self.result is not None else ("", "")

    @property
    def said(self) -> str:
        """How it ended, in words."""
        if self.result is None:
            return "it did not run"
        return self.result.message.split("\n")[0] or str(self.result.outcome)


@dataclass(frozen=True)
class Proof:
    """A witness that passed every gate."""

    placed: Placed
    head: Seen
    base: Seen | None
    """None where base could not tell, and a version believed right did."""


class Bench:
    """One side with all witnesses in its tree, in a sandbox that is opened when it is first needed."""

    def __init__(self, lab: trial.Lab, side: trial.Side, opened: contextlib.ExitStack, *, base: bool) -> None:
        self.lab = lab
        self.side = side
        self.base = base
        self._opened = opened
        self._box: Sandbox | None = None

    def run(self, job: wire.SuiteJob) -> SuiteRun:
        """One run of pytest. Raises SandboxError when the container breaks."""
        if self._box is None:
            self._box = self._opened.enter_context(self.lab.open(self.side))
        return trial.run_suite(self.lab, self._box, job)


def run_witnesses(
    lab: trial.Lab,
    sides: Sides,
    suspicions: Sequence[Suspicion],
    evidence: Evidence,
    texts: Texts,
    *,
    seconds: float,
    repeats: int,
    progress: Progress,
    test_seconds: float = TEST_SECONDS,
) -> Witnessed:
    """Findings of those suspicions whose probe proves them by running; suspicions without a probe are left alone.

    `seconds` bounds one run of pytest, `test_seconds` (of CPU) one witness; `repeats` is how often head and base
    are run at least (twice in any case).
    Raises SandboxError when the engine fails.
    """
    named = [suspicion for suspicion in suspicions if suspicion.probe is not None]
    work = Work(lab, sides, evidence, texts, seconds, test_seconds, max(2, repeats))
    proven: dict[str, tuple[Finding, Proof]] = {}
    for proof in work.through(named, progress):
        # What points at the same code under the same rule is one problem to a reader, and one over pushes.
        found = finding_of(proof, evidence, work.repeats)
        first, _ = proven.setdefault(found.id, (found, proof))
        if first is not found:
            work.drop(proof.placed.suspicion, "said-already", f"it shows what {first.witness.tests[0]} shows")
    proofs = [proof for _, proof in proven.values()]
    findings = [finding for finding, _ in proven.values()]
    findings.sort(key=lambda f: (-f.severity.rank, f.function.head.path, f.start_line))
    if named:
        progress.note(f"witnesses that a model proposed: {len(named)}; findings proven: {len(findings)}")
    order = {id(suspicion): index for index, suspicion in enumerate(named)}
    left = tuple(sorted(work.left, key=lambda item: order[id(item.suspicion)]))
    files = {proof.placed.path: proof.placed.probe.code for proof in proofs}
    return Witnessed(tuple(findings), left, with_results(evidence, proofs), files)


# ------------------------------------------------------------------------------------------------- the gates


class Work:
    """One pass of witnesses through the gates; keeps what fell, and why."""

    def __init__(
        self,
        lab: trial.Lab,
        sides: Sides,
        evidence: Evidence,
        texts: Texts,
        seconds: float,
        test_seconds: float,
        repeats: int,
    ) -> None:
        self.lab = lab
        self.sides = sides
        self.evidence = evidence
        self.texts = texts
        self.seconds = seconds
        self.test_seconds = test_seconds
        self.repeats = repeats
        self.left: list[Dropped] = []
        self.known = frozenset({*sides.head.files.paths(), *sides.base.files.paths()})

    def drop(self, suspicion: Suspicion, reason: str, detail: str) -> None:
        """Counts one that fell."""
        self.left.append(Dropped(suspicion, reason, wire.clean(detail, 300)))

    def through(self, suspicions: Sequence[Suspicion], progress: Progress) -> list[Proof]:
        """Those that pass every gate; the gates stand in the order of what they cost."""
        placed: dict[str, Placed] = {}
        for suspicion in suspicions:
            item = self.admitted(suspicion)
            if item is not None and placed.setdefault(item.path, item) is not item:
                self.drop(suspicion, "said-already", "another suspicion has the same witness")
        if not placed:
            return []
        files = {path: item.probe.code for path, item in placed.items()}
        proofs: dict[tuple[str, str, str], Proof] = {}
        with contextlib.ExitStack() as opened:
            head = Bench(self.lab, trial.with_files(self.sides.head, files), opened, base=False)
            base = Bench(self.lab, trial.with_files(self.sides.base, files), opened, base=True)
            progress.tick(f"running {len(placed)} proposed witnesses at head")
            at_head = self.together(head, tuple(placed.values()))
            failing = [item for item in placed.values() if self.fails(item, at_head[item.path])]
            comparable = [item for item in failing if item.function.base is not None]
            if failing:
                progress.tick(f"running {len(failing)} witnesses that fail at head again, and at base")
            at_base = self.together(base, comparable)
            # What passes at base is repeated in one process, in reversed order; what fails at head, each alone.
            good = tuple(reversed([item for item in comparable if at_base[item.path].passed]))
            repeated = [self.together(base, good) for _ in range(self.repeats - 1)]
            for item in failing:
                again = [turn[item.path] for turn in repeated if item.path in turn]
                proof = self.proof(item, head, at_head[item.path], at_base.get(item.path), again)
                if proof is None:
                    continue
                first = proofs.setdefault((item.function.id, *failure(item, proof.head)), proof)
                if first is not proof:
                    self.drop(item.suspicion, "said-already", f"it fails as {first.placed.test} does")
        return list(proofs.values())

    def admitted(self, suspicion: Suspicion) -> Placed | None:
        """The witness at its place, unless what it does speaks against it before it runs."""
        probe, function = suspicion.probe, suspicion.function
        if probe is None:
            return None
        language = self.texts.language[function.head.path]
        try:
            probe = replace(probe, test=language.test_name(probe.code))
        except Unparsable as problem:
            self.drop(suspicion, "broken", problem.message)
            return None
        tests = executing(function, self.evidence)
        objection = language.objection(probe.code, function.head, probe.raises, self.text_of(tests))
        if objection is not None:
            self.drop(suspicion, *objection)
            return None
        return Placed(suspicion, probe, self.place(function, probe, tests))

    def fails(self, item: Placed, seen: Seen) -> bool:
        """Whether it fails at head, because of the function, for the stated reason."""
        against = objection_to(item, seen)
        if against is not None:
            self.drop(item.suspicion, *against)
        return against is None

    def proof(
        self, item: Placed, head: Bench, red: Seen, before: Seen | None, again: Sequence[Seen]
    ) -> Proof | None:
        """The proof of one that fails at head for the stated reason; None when a further gate stops it.

        `before` is what it did at base, `again` what it did there in repetitions.
        """
        if before is not None and not before.passed and before.ending == red.ending:
            self.drop(item.suspicion, "fails-on-base", f"at base too: {before.said}")
            return None
        green = before if before is not None and before.passed else None
        if green is not None and not self.steady(item, green, again):
            return None
        if green is not None and (test := self.asked_for(item.function, red, green)):
            self.drop(item.suspicion, "intended", f"{test}, which the change brings, makes the same call")
            return None
        if not self.steady(item, red, (self.alone(head, item) for _ in range(self.repeats - 1))):
            return None
        return Proof(item, red, green) if green is not None or self.believed(item, head) else None

    def steady(self, item: Placed, first: Seen, again: Iterable[Seen]) -> bool:
        """Whether it ended each time as it did at first."""
        for seen in again:
            if seen.ending != first.ending:
                self.drop(item.suspicion, "unsteady", f"{first.said}; then {seen.said}")
                return False
        return True

    def asked_for(self, function: ChangedFunction, red: Seen, green: Seen) -> str:
        """A test that makes a call of the witness, gets what the witness complains of, and passes with it, if the
        change wrote that test or rewrote it: then it is what the change means to do. '' where there is none.

        A test that is as it was at base says nothing of the kind: it passed with base's answer, too.
        """
        before = {call.digest: call.outcome for call in green.calls if call.digest}
        changed = {
            (call.digest, call.outcome)
            for call in red.calls
            if call.outcome and before.get(call.digest, call.outcome) != call.outcome
        }
        results = self.evidence.head.by_id()
        for call in self.evidence.head.calls.get(function.id, ()):
            result = results.get(call.test)
            passed = result is not None and result.outcome is Outcome.PASSED
            if passed and (call.digest, call.outcome) in changed and self.rewritten(call.test):
                return call.test
        return ""

    def rewritten(self, test: str) -> bool:
        """Whether the change wrote a test, or wrote it anew."""
        path, _, name = test.partition("::")
        texts = []
        for side in (self.sides.base, self.sides.head):
            language = language_of(self.texts, path)
            try:
                data = side.files.read(path)
                texts.append(language.test_source(language.decode(data), name) if language is not None else "")
            except (KeyError, Unparsable):
                texts.append("")
        return texts[0] != texts[1]

    def believed(self, item: Placed, head: Bench) -> bool:
        """Whether it passes with a version that is believed right, and the function's green tests do, too.

        What base cannot tell, the proposer's own repair can: a wrong expectation mostly goes with a repair that
        does not meet it, or that breaks what the repository's tests ask for. A call without a repair can only be
        held against a stub that answers it.
        """
        module = self.spliced(item.function, item.probe.fixed, item.probe.imports)
        green = self.green(item.function) if module is not None else ()
        if module is None:
            module = self.spliced(item.function, item.probe.stub, ())
        if module is None:
            self.drop(item.suspicion, "no-correct-version", "no version was named that would be right")
            return False
        run = head.run(self.job(head, [item], green, {item.function.head.path: module}))
        answer = seen_in(run, item)
        if not answer.passed:
            self.drop(item.suspicion, "no-correct-version", f"a version believed right fails: {answer.said}")
            return False
        results = run.by_id()
        spoilt = [test for test in green if test not in results or not results[test].outcome.good]
        if spoilt:
            self.drop(item.suspicion, "no-correct-version", f"the version believed right breaks {spoilt[0]}")
        return not spoilt

    # --------------------------------------------------------------------------------------------- running

    def together(self, bench: Bench, items: Sequence[Placed]) -> dict[str, Seen]:
        """What each witness does, by path: all in one process, and alone where that one gives no answer."""
        if not items:
            return {}
        run = bench.run(self.job(bench, items))
        found = {item.path: seen_in(run, item) for item in items}
        lost = 0
        for item in items:
            # One that ends the process or hangs takes the others with it; twice is enough to wait for that.
            if found[item.path].result is None and lost < MOST_LOST:
                found[item.path] = self.alone(bench, item)
                lost += found[item.path].result is None
        return found

    def alone(self, bench: Bench, item: Placed) -> Seen:
        """What one witness does in a process of its own."""
        return seen_in(bench.run(self.job(bench, [item])), item)

    def job(
        self,
        bench: Bench,
        items: Sequence[Placed],
        others: Sequence[str] = (),
        replaced: Mapping[str, str] | None = None,
    ) -> wire.SuiteJob:
        """A run of these witnesses, and of other tests, with the functions watched."""
        # A watched file is read from disk: what is put in a function's place cannot be watched.
        functions = {} if replaced else {item.function.id: item.function for item in items}
        job = trial.suite_job(
            bench.side.plan,
            self.lab.limits,
            seconds=self.seconds,
            # By file: however many tests it holds, they are seen.
            select=(*(item.path for item in items), *others),
            watch=[watch_of(function, base=bench.base) for function in functions.values()],
            test_seconds=self.test_seconds,
            replaced=replaced,
        )
        return replace(job, args=("--continue-on-collection-errors", *job.args))

    def spliced(self, function: ChangedFunction, source: str, imports: tuple[str, ...]) -> str | None:
        """The head file with another version of the function; None where there is none that fits."""
        path = function.head.path
        if not source:
            return None
        try:
            return self.texts.language[path].splice(self.texts.text[path], function.head, source, imports)
        except Unparsable:
            return None

    def green(self, function: ChangedFunction) -> tuple[str, ...]:
        """Green tests that execute the function, quick ones first."""
        results = self.evidence.head.by_id()
        good = [test for test in executing(function, self.evidence) if results[test].outcome is Outcome.PASSED]
        return tuple(sorted(good, key=lambda test: results[test].seconds)[:GREEN_TESTS])

    # ------------------------------------------------------------------------------------------------ places

    def place(self, function: ChangedFunction, probe: Probe, tests: Sequence[str]) -> str:
        """Where the witness goes: beside a test file of the function, under a name that exists nowhere.

        The name has the neighbour's form, so that a run of the whole suite collects it, too.
        """
        files = Counter(trial.files_of(tests)) or Counter(trial.files_of(self.evidence.head.collected))
        neighbour = max(files, key=lambda file: (files[file], file), default="tests/test_.py")
        folder, _, name = neighbour.rpartition("/")
        salt = 0
        while True:
            mark = wire.digest(f"{function.id}\0{probe.code}\0{salt}")[:8]
            made = f"tryline_{mark}_test.py" if name.endswith("_test.py") else f"test_tryline_{mark}.py"
            path = f"{folder}/{made}" if folder else made
            if path not in self.known:
                return path
            salt += 1

    def text_of(self, tests: Sequence[str]) -> str:
        """The text of the files of these tests."""
        known = [path for path in trial.files_of(tests)[:MOST_FILES] if path in self.known]
        data = []
        for path in known:
            with contextlib.suppress(KeyError):
                data.append(self.sides.head.files.read(path).decode("utf-8", "replace"))
        return "\n".join(data)


def language_of(texts: Texts, path: str) -> Language | None:
    """The language of a file."""
    return next((language for language in texts.language.values() if language.owns(path)), None)


def watch_of(function: ChangedFunction, *, base: bool) -> wire.Watch:
    """The watch on one function, known on both sides by its id at head."""
    where = function.base if base and function.base is not None else function.head
    name = where.qualname.rsplit(".", 1)[-1].split("@", 1)[0]
    return wire.Watch(function.id, where.path, where.start_line, name)


def executing(function: ChangedFunction, evidence: Evidence) -> tuple[str, ...]:
    """Tests that execute the function at head, flaky ones left out."""
    lines = range(function.head.def_line, function.head.end_line + 1)
    return tuple(t for t in evidence.head.executing(function.head.path, lines) if t not in evidence.flaky)


def seen_in(run: SuiteRun, item: Placed) -> Seen:
    """What a run shows of one witness."""
    results = [test for test in run.tests if test.id == item.path or test.id.startswith(item.path + "::")]
    if not results:
        return Seen()
    first = results[0]
    calls = tuple(call for call in run.calls.get(item.function.id, ()) if call.test == first.id)
    return Seen(first, run.covered.get(first.id, {}), calls, len(results) > 1)


def objection_to(item: Placed, seen: Seen) -> tuple[str, str] | None:
    """(reason, detail) why what a witness did at head proves nothing; None when it failed as it was said to."""
    result, function = seen.result, item.function.head
    if result is None:
        return "broken", "it did not run, nor end"
    if seen.several:
        return "broken", "it is more than one test"
    if result.outcome is Outcome.ERROR or result.outcome in SKIPPED:
        return "broken", seen.said
    if result.outcome is Outcome.PASSED:
        return "passes-on-head", "it passes at head"
    inside = innermost(function, result) is not None
    if result.exception in OWN_FAULTS and not inside:
        return "broken", seen.said
    if not inside and not any(line in lines_of(function) for line in seen.covered.get(function.path, ())):
        return "not-executed", f"{seen.said}; it does not execute the function"
    return None if as_stated(item, result, inside=inside) else ("other-reason", seen.said)


def as_stated(item: Placed, result: TestResult, *, inside: bool) -> bool:
    """Whether a test failed the way its proposer said: by this exception out of the function, by an assertion of
    the test, or by never ending."""
    wanted = item.probe.raises.rpartition(".")[2]
    if result.outcome is not Outcome.FAILED:
        slow = wanted in TIMEOUTS or item.suspicion.category is Category.PERFORMANCE
        return result.outcome is Outcome.TIMEOUT and slow
    if wanted and inside:
        return result.exception == wanted
    return (not wanted or wanted in ASSERTIONS) and result.exception in ASSERTIONS and not inside


def lines_of(function: Function) -> range:
    """The function's lines in its file."""
    return range(function.def_line, function.end_line + 1)


def innermost(function: Function, result: TestResult) -> int | None:
    """The line of the function that the exception came through, the innermost; None where it did not."""
    lines = lines_of(function)
    found = [frame.line for frame in result.frames if frame.path == function.path and frame.line in lines]
    return found[-1] if found else None


def failure(item: Placed, seen: Seen) -> tuple[str, str]:
    """What is equal for witnesses that show the same: the exception, and the line or the words."""
    if seen.result is None:
        return "", ""
    line = innermost(item.function.head, seen.result)
    return seen.result.exception, seen.said if line is None else f"line {line}"


# ------------------------------------------------------------------------------------------------- evidence


def with_results(evidence: Evidence, proofs: Sequence[Proof]) -> Evidence:
    """The evidence with the witnesses of these proofs among the tests of both sides, confirmed."""
    head, base = evidence.head, evidence.base
    for proof in proofs:
        head = with_result(head, proof.placed, proof.head)
        if proof.base is not None:
            base = with_result(base, proof.placed, proof.base)
    confirmed = evidence.confirmed | {proof.placed.test for proof in proofs}
    return replace(evidence, base=base, head=head, confirmed=confirmed)


def with_result(run: SuiteRun, item: Placed, seen: Seen) -> SuiteRun:
    """A run as it would have been with the witness in it."""
    if seen.result is None:
        return run
    calls = {**run.calls, item.function.id: (*run.calls.get(item.function.id, ()), *seen.calls)}
    return replace(
        run,
        collected=(*run.collected, item.test),
        tests=(*run.tests, seen.result),
        exit_code=1 if run.exit_code == 0 and seen.result.outcome.bad else run.exit_code,
        seconds=run.seconds + seen.result.seconds,
        covered={**run.covered, item.test: dict(seen.covered)},
        calls=calls,
    )


# ------------------------------------------------------------------------------------------------- findings


def finding_of(proof: Proof, evidence: Evidence, repeats: int) -> Finding:
    """The finding that a proof makes of a suspicion, told by what ran; the model's words are quoted as such."""
    item, suspicion = proof.placed, proof.placed.suspicion
    line = line_of(proof)
    return Finding(
        rule=suspicion.rule,
        category=suspicion.category,
        severity=severity_of(proof),
        function=suspicion.function,
        start_line=line,
        end_line=line,
        title=title_of(proof),
        message=message_of(proof),
        witness=Witness(
            kind="test",
            tests=(item.test,),
            command=f"python -m pytest {item.test}",
            failure=proof.head.result.message if proof.head.result is not None else "",
            repeats=repeats,
            code=item.probe.code,
            path=item.path,
        ),
        suspicious_lines=suspicious_lines(proof, evidence),
        probe=item.probe,
        anchor=anchor_of(proof, line),
    )


def anchor_of(proof: Proof, line: int) -> str:
    """What stays the same when a model writes the witness anew, under another name: the exception and the code
    that raises it, where one comes out of the function; else the code that the finding points at."""
    function, result = proof.placed.function.head, proof.head.result
    raised = innermost(function, result) if result is not None else None
    lines = function.source.split("\n")
    place = (line if raised is None else raised) - function.start_line
    text = lines[place] if 0 <= place < len(lines) else ""
    return f"{result.exception if result is not None and raised is not None else 'code'}: {identity.code(text)}"


def severity_of(proof: Proof) -> Severity:
    """What the model called it, capped by its kind, and lower where nothing but the model says what is right."""
    probe, category = proof.placed.probe, proof.placed.suspicion.category
    cap = CAPS.get(category, Severity.CRITICAL)
    if proof.base is None:
        cap = min(cap, Severity.MEDIUM, key=lambda severity: severity.rank)
    return min(probe.severity, cap, key=lambda severity: severity.rank)


def line_of(proof: Proof) -> int:
    """The model's line where the change touched it; else the changed line in which it failed, or that it runs."""
    function, probe = proof.placed.function, proof.placed.probe
    changed = sorted(function.changed_lines)
    if probe.line and (line := function.head.start_line + probe.line - 1) in changed:
        return line
    ran = [line for line in changed if line in proof.head.covered.get(function.head.path, ())]
    failed = innermost(function.head, proof.head.result) if proof.head.result is not None else None
    ordered = [*(line for line in changed if line == failed), *ran, *changed]
    return ordered[0] if ordered else function.head.def_line


def suspicious_lines(proof: Proof, evidence: Evidence) -> dict[int, float]:
    """Lines of the function that the witness executes -> Ochiai score: the fewer green tests execute it, the more
    suspicious. With one failing test that is 1 / sqrt(1 + green tests)."""
    function = proof.placed.function.head
    green = [t.id for t in evidence.head.tests if t.outcome.good and t.id not in evidence.flaky]
    counts = Counter(n for test in green for n in set(evidence.head.covered.get(test, {}).get(function.path, ())))
    ran = [n for n in proof.head.covered.get(function.path, ()) if n in lines_of(function)]
    return {line: 1 / math.sqrt(1 + counts[line]) for line in sorted(set(ran))}


def title_of(proof: Proof) -> str:
    """A heading: what happens, in the fewest words."""
    name, result = proof.placed.function.head.qualname, proof.head.result
    new = "now " if proof.base is not None else ""
    if result is not None and result.outcome is Outcome.TIMEOUT:
        return f"`{name}` {new}does not end in time"
    if result is not None and innermost(proof.placed.function.head, result) is not None:
        return f"`{name}` {new}raises {result.exception}"
    call, _ = told_calls(proof)
    if call is not None and not call.raised and len(call.arguments) + len(call.result) <= 60:
        return f"`{name}({plain(call.arguments)})` {new}returns `{plain(call.result)}`"
    return f"`{name}` answers otherwise than " + ("at base" if proof.base is not None else "it is said to")


def message_of(proof: Proof) -> str:
    """What was called, what came, what base gave; then the model's own words, as such."""
    name, probe = proof.placed.function.head.qualname, proof.placed.probe
    call, before = told_calls(proof)
    parts = []
    if call is not None:
        parts.append(f"`{name}({plain(call.arguments)})` {came_of(call)} at head")
        if before is not None:
            parts[-1] += f"; at base it {came_of(before)}"
        parts[-1] += "."
    if proof.head.result is not None and proof.head.result.message:
        parts.append(f"The failure: `{plain(proof.head.said)}`.")
    if proof.base is not None:
        parts.append("The same test passes at base.")
    elif probe.fixed:
        parts.append("Base cannot say what is right: a version that the model wrote passes it.")
    else:
        parts.append(
            f"Base cannot say what is right: that `{plain(probe.expected)}` is expected is the model's word."
        )
    who = probe.source.partition(" at ")[0]  # where the endpoint is, is nobody's business
    claim = plain(probe.claim, WORDS).rstrip(".")
    if claim:
        parts.append(f"{who or 'The model'} says: \u201c{claim}\u201d.")
    return " ".join(parts)


def told_calls(proof: Proof) -> tuple[Call | None, Call | None]:
    """(the call at head that tells most, the same call at base): the first that ends otherwise, else the last."""
    at_base = {call.digest or call.arguments: call for call in (proof.base.calls if proof.base else ())}
    pairs = [(call, at_base.get(call.digest or call.arguments)) for call in proof.head.calls]
    for call, before in pairs:
        if before is not None and (call.result, call.raised) != (before.result, before.raised):
            return call, before
    return pairs[-1] if pairs else (None, None)


def came_of(call: Call) -> str:
    """`returns X` or `raises X`."""
    return f"raises {plain(call.raised)}" if call.raised else f"returns `{plain(call.result)}`"


def plain(text: str, size: int = 200) -> str:
    """Foreign text on one line, without the marks that would end a span of code."""
    return wire.clean(" ".join(text.replace("`", "'").split()), size)

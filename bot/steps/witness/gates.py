"""The gates that a proposed witness must pass, in the order of what they cost."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from bot import trial, wire
from bot.domain import ChangedFunction, Evidence, Outcome, Probe, SuiteRun, Suspicion
from bot.languages import Language, Unparsable
from bot.progress import Progress
from bot.sandboxes import Sandbox
from bot.steps.witness.seen import (
    Dropped,
    Placed,
    Proof,
    Seen,
    executing,
    failure,
    objection_to,
    seen_in,
)

TEST_SECONDS = 10.0
"""CPU seconds that a witness may use."""
GREEN_TESTS = 20
"""Tests of the repository that a version believed right must leave green, quick ones first."""
MOST_FILES = 20
"""Test files of a function that are read for the names that they use."""
MOST_LOST = 2
"""Witnesses that are waited for alone and do not answer either, before the others are given up."""


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


class Work:
    """One pass of witnesses through the gates; keeps what fell, and why."""

    def __init__(
        self,
        lab: trial.Lab,
        sides: trial.Sides,
        evidence: Evidence,
        texts: trial.Texts,
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
        objection = (
            None
            if probe.ours
            else language.objection(probe.code, function.head, probe.raises, self.text_of(tests))
        )
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
        if (
            green is not None
            and item.probe.kind != "attack"
            and (test := self.asked_for(item.function, red, green))
        ):
            self.drop(item.suspicion, "intended", f"{test}, which the change brings, makes the same call")
            return None
        if not self.steady(item, red, (self.alone(head, item) for _ in range(self.repeats - 1))):
            return None
        if green is not None or self_evident(item) or self.believed(item, head):
            return Proof(item, red, green)
        return None

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
            # As `identity.is_witness` knows them.
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


def self_evident(item: Placed) -> bool:
    """Whether no version has to be believed right: a payload lands or it does not, and what a function does not
    define it never meant to use."""
    return item.probe.kind == "attack" or (item.probe.kind == "input" and item.function.base is None)


def language_of(texts: trial.Texts, path: str) -> Language | None:
    """The language of a file."""
    return next((language for language in texts.language.values() if language.owns(path)), None)


def watch_of(function: ChangedFunction, *, base: bool) -> wire.Watch:
    """The watch on one function, known on both sides by its id at head."""
    where = function.base if base and function.base is not None else function.head
    name = where.qualname.rsplit(".", 1)[-1].split("@", 1)[0]
    return wire.Watch(function.id, where.path, where.start_line, name)

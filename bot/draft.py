"""A review while it is being made: what was seen so far, and in the end the one word for it."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from bot import __version__, examine, trial, wiring
from bot.config import Config
from bot.domain import (
    Change,
    ChangedFunction,
    Conclusion,
    Costs,
    Evidence,
    Finding,
    Found,
    FunctionReport,
    Problem,
    Review,
    Reviewed,
    SuiteRun,
    Suspicion,
    Target,
    TestChange,
    TestResult,
    Usage,
)
from bot.errors import without_addresses
from bot.kinds import Difference
from bot.languages import Files, Language, Unparsable
from bot.steps import observe

LASTING = ("no-tests", "collection")
"""Problems of a base's run that its next run has, too."""


class Snapshot(Files, Protocol):
    """The files of one revision, which can be carried into a container."""

    def tar(self) -> bytes:
        """All of them, as a tar archive."""


@dataclass(frozen=True)
class Ground:
    """Both trees of a change and what is the same for every step on it."""

    change: Change
    base: Snapshot
    head: Snapshot
    config: Config
    parts: wiring.Parts
    began: float

    def seconds_left(self) -> float:
        """Of the whole review's budget."""
        return self.config.budget.seconds - (time.monotonic() - self.began)


class Draft:
    """The review while it is being made; `finish` gives the value."""

    def __init__(self, ground: Ground, lab: trial.Lab, found: Found, target: Target | None = None) -> None:
        self.id = uuid.uuid4().hex[:12]
        self.ground = ground
        self.lab = lab
        self.found = found
        self.target = target
        self.evidence: Evidence | None = None
        self.test_changes: tuple[TestChange, ...] = ()
        self.unproven: tuple[Suspicion, ...] = ()
        self.proven: list[Finding] = []
        """Findings in the order in which they were proven: each stays in the review, whatever comes after."""
        self.reviewed: list[Reviewed] = []
        self.problems: list[Problem] = []
        self.notes: list[str] = []
        self.differences: dict[str, tuple[Difference, ...]] = {}
        """Function id -> inputs on which head answers otherwise than base."""
        self.compared: dict[str, int] = {}
        """Function id -> inputs on which both were compared."""
        self.left_alone: dict[str, str] = {}
        """Function id -> why its answers or times were not compared."""
        self.spent: dict[str, float] = {}
        """Function id -> seconds that were spent on it alone."""
        self.unfinished: set[str] = set()
        """Ids of functions about which something remains to be done."""
        self.environment: dict[str, str] = {"tryline": __version__}
        self.prepare_seconds = 0.0

    @contextmanager
    def spending(self, *functions: str) -> Iterator[None]:
        """What happens meanwhile is for these functions, to equal parts."""
        began = time.monotonic()
        try:
            yield
        finally:
            share = (time.monotonic() - began) / max(1, len(functions))
            for name in functions:
                self.spent[name] = self.spent.get(name, 0.0) + share

    def so_far(self) -> Review:
        """The review as it would have to be told if it ended here: what it left undone is not clean."""
        part = copy.copy(self)
        part.problems = [*self.problems, Problem("interrupted", "the review ended before all was done")]
        part.reviewed, part.notes, part.environment = [*self.reviewed], [*self.notes], {**self.environment}
        part.unfinished = {function.id for function in self.found.functions}
        return part.finish()

    def finish(self) -> Review:
        """The review as a value."""
        attended = {item.finding.id for item in self.reviewed}
        why = "not rewritten: the review ended before that"
        self.reviewed += [
            Reviewed(finding, None, None, why_no_rewrite=why)
            for finding in self.proven
            if finding.id not in attended
        ]
        if self.evidence is not None:
            self.note_runs(self.evidence)
        elif self.found.functions and not self.problems:
            self.problems.append(Problem("not-run", "the tests were not run"))
        searches = [item.search for item in self.reviewed if item.search is not None]
        model = self.ground.parts.model
        if model is not None and "model" in self.environment:
            self.notes += [without_addresses(note) for note in model.notes()]
        usage = model.accounts.usage if model is not None else Usage()
        # A model that was asked about functions has run, also where nothing was there to be rewritten.
        asked = self.environment.get("tier", "E") if usage.requests or usage.from_cache else "E"
        self.environment["tier"] = min((search.tier for search in searches), default=asked)
        costs = Costs(
            executions=self.lab.executions,
            containers=self.lab.backend.containers,
            seconds=time.monotonic() - self.ground.began,
            prepare_seconds=self.prepare_seconds,
            candidates=sum(search.executions for search in searches),
            verified=sum(len(item.rejected) + (item.rewrite is not None) for item in self.reviewed),
            usage=usage,
        )
        return Review(
            id=self.id,
            change=self.ground.change,
            conclusion=self.conclusion(),
            functions=tuple(self.report(function) for function in self.found.functions),
            findings=tuple(self.reviewed),
            not_reviewed=self.found.not_reviewed,
            unproven=self.unproven,
            test_changes=self.test_changes,
            problems=tuple(self.problems),
            costs=costs,
            environment=self.environment,
            suite=self.counts(),
            flaky=tuple(sorted(self.evidence.flaky)) if self.evidence is not None else (),
            notes=tuple(dict.fromkeys(self.notes)),
            target=self.target,
        )

    def note_runs(self, evidence: Evidence) -> None:
        """Problems of the two runs."""
        lost = self.unexplained(evidence)
        for name, run in (("base", evidence.base), ("head", evidence.head)):
            if run.problem is not None:
                self.note_problem(name, run.problem)
            elif (
                run.collected and not any(test.outcome.good for test in run.tests) and not (lost or self.reviewed)
            ):
                text = f"{name}: not one of {len(run.tests)} tests passes, so they tell nothing"
                self.problems.append(Problem("all-red", f"{text} (do they need a service or the network?)"))
        if lost:
            first, many = lost[0], len(lost) > 1
            text = f"{first.id} and {len(lost) - 1} more pass" if many else f"{first.id} passes"
            text += f" at base and {'fail' if many else 'fails'} at head, by no reviewed function alone"
            self.problems.append(Problem("unexplained", text, first.message))
        if before := self.red_before(evidence):
            which = before[0] + (f" and {len(before) - 1} more" if len(before) > 1 else "")
            tests = "tests that execute" if len(before) > 1 else "test that executes"
            self.notes.append(
                f"{len(before)} {tests} changed functions failed at base already and still "
                f"{'fail' if len(before) > 1 else 'fails'}, which is not held against the change: {which}."
            )
        if not (self.problems or self.reviewed or not self.found.functions) and not any(
            examine.executing_of(f, evidence) or self.compared.get(f.id) for f in self.found.functions
        ):
            text = "no test executes any of the changed functions: nothing was shown about them"
            self.problems.append(Problem("not-executed", text))

    def note_problem(self, name: str, problem: Problem) -> None:
        """One side's problem; what both sides share is said once."""
        for index, known in enumerate(self.problems):
            if (known.slug, known.message) == (problem.slug, f"base: {problem.message}"):
                self.problems[index] = replace(problem, message=f"base and head: {problem.message}")
                return
        self.problems.append(replace(problem, message=f"{name}: {problem.message}"))

    def red_before(self, evidence: Evidence) -> tuple[str, ...]:
        """Tests of the changed functions that are red on both sides: nothing that the change broke, and nothing
        that a reader should take for green."""
        base, head = evidence.base.by_id(), evidence.head.by_id()
        tests = dict.fromkeys(t for f in self.found.functions for t in examine.executing_of(f, evidence))
        named = {test for item in self.reviewed for test in item.finding.witness.tests}
        return tuple(
            t for t in tests if t in base and base[t].outcome.bad and head[t].outcome.bad and t not in named
        )

    def unexplained(self, evidence: Evidence) -> tuple[TestResult, ...]:
        """Tests that the change breaks each time and that no finding names: a lost import, a changed constant."""
        named = {test for item in self.reviewed for test in item.finding.witness.tests}
        return tuple(
            test
            for test in evidence.head.tests
            if test.id in evidence.confirmed
            and test.id not in named
            and observe.good_before(evidence.base, test.id)
        )

    def conclusion(self) -> Conclusion:
        """One word; a review that could not run what matters is never clean. Ignored findings do not count."""
        if any(not item.ignored for item in self.reviewed):
            return Conclusion.FINDINGS
        if self.problems:
            return Conclusion.NEUTRAL
        return Conclusion.CLEAN if self.found.functions else Conclusion.NOTHING

    def report(self, function: ChangedFunction) -> FunctionReport:
        """What was seen of one function."""
        if self.evidence is None or not self.evidence.head.tests:
            return FunctionReport(function, 0, 0, (), whole=False)
        head = self.evidence.head
        tests = examine.executing_of(function, self.evidence)
        ran = {n for files in head.covered.values() for n in files.get(function.head.path, ())}
        language = next(lang for lang in self.ground.parts.languages if lang.owns(function.head.path))
        text = text_at(self.ground.head, language, function.head.path) or ""
        code = language.code_lines(text, function.head) if text else frozenset()
        missed = tuple(n for n in function.changed_lines if n in code and n not in ran)
        whole = self.ran(self.evidence) and function.id not in self.unfinished
        return FunctionReport(
            function,
            len(tests),
            len(head.calls.get(function.id, ())),
            missed,
            whole,
            differences=self.differences.get(function.id, ()),
            compared=self.compared.get(function.id, 0),
            left_alone=self.left_alone.get(function.id, ""),
            seconds=round(self.spent.get(function.id, 0.0), 3),
        )

    def ran(self, evidence: Evidence) -> bool:
        """Whether both suites ran, as far as they can: what base has no tests for, it will not have tomorrow."""
        base = evidence.base.problem
        installed = not any(problem.slug == "install" for problem in self.problems)
        return installed and evidence.head.problem is None and (base is None or base.slug in LASTING)

    def counts(self) -> dict[str, Mapping[str, int]]:
        """Outcomes of both suites."""
        if self.evidence is None:
            return {}
        return {"base": counted(self.evidence.base), "head": counted(self.evidence.head)}


def counted(run: SuiteRun) -> dict[str, int]:
    """Outcome -> how many tests."""
    counts: dict[str, int] = {}
    for test in run.tests:
        counts[str(test.outcome)] = counts.get(str(test.outcome), 0) + 1
    return counts


def text_at(tree: Files, language: Language, path: str | None) -> str | None:
    """A file's text, None when the tree has it not or it cannot be read."""
    if path is None:
        return None
    try:
        return language.decode(tree.read(path))
    except (KeyError, Unparsable):
        return None

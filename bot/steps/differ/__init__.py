"""Differ: base and head are called with the same arguments, and where they answer otherwise, that is told.

Base's version is put in head's place, in one warm sandbox per function, so that nothing else differs; where what
it calls changed as well, it is called where it stands. What answers otherwise from run to run (the time,
randomness, what an earlier call left behind) is not compared. A difference is no finding: it is what most changes
are for. Only a crash or a hang on an input of the shape that callers give makes a suspicion, with a test that has
to show it at head and pass at base like any other witness.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot import generating, trial, wire
from bot.domain import ChangedFunction, Evidence, Function, SuiteRun, Suspicion, pace
from bot.errors import SandboxError
from bot.kinds import Difference
from bot.languages import Language, Parameter, Unparsable
from bot.progress import Progress
from bot.steps.differ import calling, given, pairs, suspecting

__all__ = ["Differed", "Settings", "differ"]

MOST_BROKEN = 2
"""Functions in a row that the engine fails at, before the others are given up."""
MOST_TESTS = 12
"""Tests that are collected to have the function in a process, quick ones first."""


@dataclass(frozen=True)
class Settings:
    """How far one function is compared."""

    seconds: float = 20.0
    """Once its sandbox is there."""
    inputs: int = 200
    """Inputs made, besides the recorded ones."""
    seed: int = 0


@dataclass(frozen=True)
class Differed:
    """What came of it, by function id."""

    suspicions: tuple[Suspicion, ...] = ()
    differences: Mapping[str, tuple[Difference, ...]] = field(default_factory=dict)
    compared: Mapping[str, int] = field(default_factory=dict)
    """Inputs on which both gave a steady answer."""
    left_alone: Mapping[str, str] = field(default_factory=dict)
    """Why a function was not compared."""
    seconds: Mapping[str, float] = field(default_factory=dict)


def differ(
    lab: trial.Lab,
    sides: trial.Sides,
    texts: trial.Texts,
    functions: Sequence[ChangedFunction],
    evidence: Evidence,
    settings: Settings,
    progress: Progress,
) -> Differed:
    """Compares each changed function with base. What a broken engine keeps from being compared is left alone with
    the reason; after two in a row, the rest is not tried."""
    with contextlib.closing(Warm()) as warm:
        works = [
            Work(
                lab,
                sides,
                texts.language[f.head.path],
                texts.text[f.head.path],
                f,
                functions,
                evidence,
                settings,
                warm,
            )
            for f in functions
        ]
        return differed(works, warm, progress)


def differed(works: Sequence[Work], warm: Warm, progress: Progress) -> Differed:
    """What comes of each function."""
    suspicions: list[Suspicion] = []
    differences: dict[str, tuple[Difference, ...]] = {}
    compared: dict[str, int] = {}
    left_alone: dict[str, str] = {}
    seconds: dict[str, float] = {}
    broken = 0
    for work in works:
        function = work.function
        if not work.worthwhile():
            continue
        if broken >= MOST_BROKEN:
            left_alone[function.id] = "the engine failed before it was its turn"
            continue
        name = function.head.qualname
        progress.tick(
            f"comparing {name} with base" if function.base else f"calling {name}: no test runs all of it"
        )
        began = time.monotonic()
        try:
            done = work.done()
        except given.NotComparable as problem:
            if function.base is not None:
                left_alone[function.id] = str(problem)
            broken = 0
            continue
        except SandboxError as problem:
            left_alone[function.id] = f"could not be compared: {problem.message}"
            broken += 1
            warm.close()
            continue
        finally:
            seconds[function.id] = time.monotonic() - began
        broken = 0
        suspicions += done.suspicions
        if function.base is not None:
            compared[function.id] = done.compared
        if done.differences:
            differences[function.id] = done.differences
    if compared:
        progress.note(f"compared {sum(compared.values())} calls; functions that differ: {len(differences)}")
    return Differed(tuple(suspicions), differences, compared, left_alone, seconds)


class Warm:
    """A process that holds a file's functions, kept from one function to the next: what has no base to be compared
    with in the same process can share it, and most of the cost is in starting it."""

    def __init__(self) -> None:
        self._opened = contextlib.ExitStack()
        self._stage: trial.Stage | None = None

    def at(self, place: trial.Place, start: Callable[[contextlib.ExitStack], trial.Stage]) -> trial.Stage:
        """The process, armed for a function: the last one's where it holds this one too, else one that is started.
        Raises what `start` does."""
        if self._stage is not None and self._stage.place.function.path == place.function.path:
            stage = self._stage.turned(place)
            if stage.warm:
                self._stage = stage
                return stage
        self.close()
        self._stage = start(self._opened)
        return self._stage

    def close(self) -> None:
        """Ends the process. That it had ended by itself is told by whoever used it."""
        self._stage = None
        with contextlib.suppress(SandboxError):
            self._opened.close()


@dataclass(frozen=True)
class Done:
    """What came of one function."""

    suspicions: tuple[Suspicion, ...] = ()
    differences: tuple[Difference, ...] = ()
    compared: int = 0


@dataclass(frozen=True)
class Work:
    """One function."""

    lab: trial.Lab
    sides: trial.Sides
    language: Language
    text: str
    function: ChangedFunction
    others: Sequence[ChangedFunction]
    evidence: Evidence
    settings: Settings
    warm: Warm = field(default_factory=Warm)

    def worthwhile(self) -> bool:
        """Whether anything can come of it: what is as it was answers as it did, and of a new function only lines
        that no test runs may hide something."""
        head, base = self.function.head, self.function.base
        if self.language.is_test(head.path):
            return False
        try:
            if base is not None:
                same = self.language.normalise(base.source) == self.language.normalise(head.source)
                return not same
            code = self.language.code_lines(self.text, head)
        except Unparsable:
            return False
        ran = {line for files in self.evidence.head.covered.values() for line in files.get(head.path, ())}
        return bool(code - ran)

    def done(self) -> Done:
        """Everything about this function. Raises NotComparable."""
        head, base = self.function.head, self.function.base
        try:
            place = trial.Place(self.language, self.text, head, self.language.unit(self.text, head))
            parameters = self.language.parameters(head)
            before = self.language.parameters(base) if base is not None else ()
        except Unparsable as problem:
            raise given.NotComparable(problem.message) from problem
        if place.unit.target_path:
            raise given.NotComparable("it stands in another function")
        version = self.base_version() if base is not None else None
        inputs = given.given(
            self.function,
            self.evidence,
            parameters,
            before,
            most=self.settings.inputs,
            seed=self.settings.seed,
        )
        if not inputs.inputs:
            if base is None:
                return Done()
            raise given.NotComparable("no call of it was recorded, and its arguments cannot be made")
        with contextlib.ExitStack() as opened:
            stage = self.at_head(opened, place)
            apart = None
            there = self.at_base(base) if base is not None else None
            if there is not None and given.relies(self.function, self.others, there.text, self.text):
                if len(parameters) != len(before):
                    raise given.NotComparable("its parameters changed, and so did what it uses")
                apart = self.started(opened, self.sides.base, self.evidence.base, there)
                version = trial.Version(there.function.source)
            limits, ours = self.settings, trial.Version(head.source)
            calls = calling.Calls(
                stage, ours, version, inputs, limits.seconds, limits.seed, apart, owned=bool(head.enclosing)
            )
            return self.judged(calls, parameters, before)

    def at_base(self, base: Function) -> trial.Place:
        """Base's version where it stands. Raises NotComparable."""
        try:
            text = self.language.decode(self.sides.base.files.read(base.path))
            return trial.Place(self.language, text, base, self.language.unit(text, base))
        except (KeyError, Unparsable) as problem:
            raise given.NotComparable("base's file cannot be read") from problem

    def at_head(self, opened: contextlib.ExitStack, place: trial.Place) -> trial.Stage:
        """A process that holds head's function. Raises NotComparable, SandboxError."""
        if self.function.base is not None:
            return self.started(opened, self.sides.head, self.evidence.head, place)
        return self.warm.at(place, lambda stack: self.started(stack, self.sides.head, self.evidence.head, place))

    def started(
        self, opened: contextlib.ExitStack, side: trial.Side, run: SuiteRun, place: trial.Place
    ) -> trial.Stage:
        """A process that holds the function. Raises NotComparable where it cannot be called there."""
        side, tests = self.with_tests(side, run, place.function)
        stage = trial.Stage(self.lab, opened.enter_context(self.lab.open(side)), place, side)
        stage.start(tests)
        if not stage.warm:
            raise given.NotComparable(f"it cannot be called apart: {stage.why_cold}")
        return stage

    def base_version(self) -> trial.Version:
        """Base's version in head's place. Raises NotComparable."""
        base, head = self.function.base, self.function.head
        lines: list[tuple[str, ...]] = []
        for files, where in ((self.sides.base.files, base), (self.sides.head.files, head)):
            try:
                text = self.language.decode(files.read(where.path)) if where is not None else ""
                lines.append(self.language.surroundings(text, where).imports if where is not None else ())
            except (KeyError, Unparsable):
                lines.append(())
        return given.base_version(self.function, self.language, lines[0], lines[1])

    def with_tests(
        self, side: trial.Side, run: SuiteRun, function: Function
    ) -> tuple[trial.Side, tuple[str, ...]]:
        """A side, and tests whose collection imports the function: those that execute it, else one made for it."""
        lines = range(function.def_line, function.end_line + 1)
        results = run.by_id()
        tests = [test for test in run.executing(function.path, lines) if test not in self.evidence.flaky]
        tests.sort(key=lambda test: pace(results[test].seconds))
        if tests:
            return side, tuple(tests[:MOST_TESTS])
        code = self.language.imported_by_test(function, side.files)
        folders = [file.rpartition("/")[0] for file in trial.files_of(run.collected)]
        folder = max(folders, key=lambda name: (folders.count(name), name), default="")
        name = f"test_tryline_{wire.digest(function.id)[:8]}.py"
        path = f"{folder}/{name}" if folder else name
        return trial.with_files(side, {path: code}), (f"{path}::{self.language.test_name(code)}",)

    def judged(self, calls: calling.Calls, parameters: Sequence[Parameter], before: Sequence[Parameter]) -> Done:
        """What calling both showed."""
        rows = calls.made()
        found, heads = calls.paired(rows)
        texts = [version.source for version in (self.function.head, self.function.base) if version is not None]
        read = generating.read(texts, [parameter.name for parameter in parameters])
        seen = [called.source for asked, called in rows if asked.digest in calls.inputs.head and called.source]
        subject = suspecting.Subject(
            function=self.function,
            language=self.language,
            text=self.text,
            files=self.sides.head.files,
            evidence=self.evidence,
            parameters=parameters,
            before=before,
            coupled=suspecting.coupled(self.function, self.others),
            shape=generating.Shape.of(parameters, seen, read),
            from_head=calls.inputs.head,
        )
        demanded = pairs.Demanded.of(self.function.id, self.evidence, [pair for _, pair in found if pair.digest])
        shape = subject.shape
        apart = [item for item in found if item[1].kind and not shape.strange(item[1].source)]
        different = calls.confirmed(apart)
        defaults = [parameter.default for parameter in parameters]
        told, counting = calls.smaller(different, demanded, subject, defaults)
        compared = [pair for _, pair in found]
        return Done(
            suspecting.suspicions(subject, counting, compared, heads, demanded),
            pairs.table([pair for pair in told if not shape.strange(pair.source)], demanded),
            len(found),
        )

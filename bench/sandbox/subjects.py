"""What is executed: a function of a project, the tests that execute it, a right version and a wrong one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.repair import Tree
from bot import trial, wire_calls
from bot.domain import ChangedFunction, Image, Outcome, Unit
from bot.languages import Files, InstallWishes, Language, SuiteWishes
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.sandboxes import Backend, Contents
from bot.steps import observe
from bot.workspace import Workspace

TESTS = 16
"""Tests that execute a version; a project's function must have ten at least."""
CALLS = 12
"""Recorded calls that are made again."""

MODULE = '''\
"""Marks of a course."""


def grade(points, best=100):
    """The letter for so many points."""
    if points < 0 or points > best:
        raise ValueError("points out of range")
    share = 100 * points / best
    for least, letter in ((90, "A"), (80, "B"), (70, "C"), (60, "D")):
        if share >= least:
            return letter
    return "F"
'''
MODULE_TESTS = """\
import pytest
from marks import grade

BOUNDS = [(100, "A"), (90, "A"), (89, "B"), (80, "B"), (79, "C"), (70, "C"), (69, "D"), (60, "D"), (59, "F")]
CASES = [*BOUNDS, (0, "F")]


@pytest.mark.parametrize(("points", "letter"), CASES)
def test_grade(points, letter):
    assert grade(points) == letter


def test_negative():
    with pytest.raises(ValueError):
        grade(-1)


def test_too_many():
    with pytest.raises(ValueError):
        grade(101)


def test_of_fifty():
    assert grade(45, 50) == "A"


def test_of_ten():
    assert grade(5, best=10) == "F"


def test_fraction():
    assert grade(69.5) == "D"


def test_half():
    assert grade(0.5, 1) == "F"
"""
SYNTHETIC = "marks.py::grade"


@dataclass(frozen=True)
class Subject:
    """A function with its tests, ready to be run."""

    name: str
    side: trial.Side
    tar: bytes
    """The tree, as it is sent into a container."""
    place: trial.Place
    tests: tuple[str, ...]
    inputs: tuple[wire_calls.Input, ...]
    """Arguments of recorded calls."""

    @property
    def good(self) -> trial.Version:
        """The function as it stands: every test passes."""
        return trial.Version(self.place.function.source.replace("\r\n", "\n"))

    @property
    def bad(self) -> trial.Version:
        """A version that raises at once: every test fails."""
        return trial.Version(self.place.language.poison(self.place.function))


class NotUsable(Exception):
    """A function that cannot be measured with, for a reason that the text says."""


@dataclass(frozen=True)
class Material:
    """A tree and the function in it that is wanted, before anything is run."""

    name: str
    files: Files
    tar: bytes
    wanted: str
    """`FILE::QUALNAME`."""

    def image(self, backend: Backend) -> Image:
        """The image with its dependencies. Raises NotUsable where they cannot be installed."""
        made = backend.prepare(Python().recipe(self.files, InstallWishes()), lambda: self.tar, Silent())
        if made.problem is not None:
            raise NotUsable(f"{self.name}: its dependencies cannot be installed: {made.problem}")
        return made


def synthetic() -> Material:
    """Sixteen trivial tests of a small function."""
    tree = Tree({"marks.py": MODULE, "test_marks.py": MODULE_TESTS})
    return Material("16 trivial tests", tree, tree.tar(), SYNTHETIC)


@contextmanager
def of_project(folder: Path, function: str) -> Iterator[Material]:
    """A function (`FILE::QUALNAME`) of the commit that a clone has checked out."""
    with Workspace.open(folder, environ=os.environ) as workspace:
        tree = workspace.tree(workspace.revision("HEAD"))
        yield Material(f"{folder.name} {function.rpartition('::')[2]}", tree, tree.tar(), function)


def subject(lab: trial.Lab, material: Material, image: Image) -> Subject:
    """Runs the suite once, takes the tests that execute the function and the calls they make.

    Raises NotUsable where there is no such function, or where too few tests execute it.
    """
    language: Language = Python()
    name, files, tar = material.name, material.files, material.tar
    path, _, qualname = material.wanted.partition("::")
    try:
        text = language.decode(files.read(path))
    except KeyError:
        raise NotUsable(f"{name}: there is no file {path}") from None
    found = [one for one in language.functions(path, text) if one.qualname == qualname]
    if not found:
        raise NotUsable(f"{name}: there is no function {qualname} in {path}")
    function = found[0]
    side = trial.Side(files, Contents(tar), image, language.suite(files, SuiteWishes()))
    watch = observe.watch_of(ChangedFunction(function, None, (function.def_line,), "added"), base=False)
    with lab.open(side) as box:
        job = trial.suite_job(side.plan, lab.limits, seconds=300, watch=[watch], test_seconds=20)
        run = trial.run_suite(lab, box, job)
    executing = run.executing(path, range(function.body_line, function.end_line + 1))
    green = {test.id for test in run.tests if test.outcome is Outcome.PASSED}
    tests = tuple(test for test in executing if test in green)[:TESTS]
    if len(tests) < 10:
        raise NotUsable(f"{name}: {len(tests)} tests execute {qualname} and pass; ten are needed")
    calls = [call for call in run.calls.get(function.id, ()) if call.pickled]
    inputs = tuple(wire_calls.Input(pickled=call.pickled) for call in calls[:CALLS])
    unit: Unit = language.unit(text, function)
    return Subject(name, side, tar, trial.Place(language, text, function, unit), tests, inputs)

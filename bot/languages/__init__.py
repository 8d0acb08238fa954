"""The seam to a programming language: what the review needs to know of one, and nothing more."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain import Call, Function, Outcome, Recipe, Replacement, SuitePlan, Surroundings, TestChange, Unit
from bot.kinds import Attack


class Unparsable(Exception):
    """A file or a function's text is not valid in this language (or not decodable)."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True)
class Answered:
    """A function as a model's answer gives it."""

    source: str
    """The whole function, indented as the original, line feeds only, one at the end."""
    imports: tuple[str, ...] = ()
    """Import statements that stand beside it."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function."""

    name: str
    kind: str
    """How it is passed: `p` (by position), `*`, `k` (by name alone), `**`."""
    annotation: str = ""
    """As written; empty where there is none."""
    default: str | None = None
    """Source of its default; None where it has none."""


class Files(Protocol):
    """Read access to the files of one tree. Paths are posix and relative to the repository's root."""

    def paths(self) -> Sequence[str]:
        """Every regular file, sorted."""

    def read(self, path: str) -> bytes:
        """Content of one file. Raises KeyError when the tree has no such regular file."""


@dataclass(frozen=True)
class InstallWishes:
    """What the configuration says about installation; None or empty means: detect."""

    python: str | None = None
    image: str | None = None
    dockerfile: str | None = None
    """Path of a Dockerfile in the repository."""
    requirements: tuple[str, ...] = ()
    """Requirement files to install instead of what is detected."""
    extras: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None
    packages: tuple[str, ...] = ()
    """Further requirement specifiers to install."""
    project: bool = True
    """Whether the project itself is installed (editable)."""
    env: Mapping[str, str] = field(default_factory=dict)
    symbolic: bool = False
    """Whether versions of functions are to be compared symbolically."""


@dataclass(frozen=True)
class Comparison:
    """What is run to compare two versions of a function symbolically."""

    files: Mapping[str, str]
    """Path -> text: files beside the function's own that hold the versions."""
    argv: tuple[str, ...]
    """Ends with exit code 0 (no difference), 1 (differences) or another (not compared). Its last line is JSON:
    `paths` that were run, how often a version `returned`, whether they are all there are (`exhausted`), `inputs`
    that lead the versions apart, as source of tuples, what these `needs`, and `why` nothing was compared: `absent`
    where the tool is not in the image."""


@dataclass(frozen=True)
class SuiteWishes:
    """What the configuration says about running tests."""

    runner: str = "auto"
    """`auto`, `pytest` or `unittest`."""
    args: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Sentinels:
    """A test module whose tests have known outcomes: who makes red tests green changes these as well."""

    path: str
    code: str
    expected: Mapping[str, Outcome]
    """Test id -> what it must come to."""


class Language(Protocol):
    """One programming language. Every method is pure: text in, values out; no method runs repository code."""

    name: str

    def owns(self, path: str) -> bool:
        """Whether this language reviews the file."""

    def is_test(self, path: str) -> bool:
        """Whether the file is part of the tests (test modules, conftest), never a target of rewriting."""

    def is_generated(self, path: str, text: str) -> bool:
        """Whether the file says of itself that a machine wrote it."""

    def decode(self, data: bytes) -> str:
        """Text of a source file, line ends as they are. Raises Unparsable."""

    def encode(self, text: str, original: bytes) -> bytes:
        """Bytes for `text` in the encoding that the original file uses (BOM and declaration kept)."""

    def functions(self, path: str, text: str) -> tuple[Function, ...]:
        """Every function of a file in order of appearance, nested ones included. Raises Unparsable."""

    def code_lines(self, text: str, function: Function) -> frozenset[int]:
        """Lines of the file, inside the function's body, at which an executable statement starts."""

    def statements(self, source: str) -> tuple[int, ...]:
        """Lines (1-based in `source`, a function's text) at which a statement of its body starts, docstring
        and nested definitions' bodies included, decorators and signature not. Raises Unparsable."""

    def branches(self, function: Function) -> int:
        """How many decisions its text takes: conditions, loops, handlers, operands of `and` and `or`; those of
        nested definitions included. Raises Unparsable."""

    def mentions(self, source: str) -> frozenset[str]:
        """The bare names of all that a function's text names, called or handed on: `total` of `cart.total`.
        Raises Unparsable."""

    def classes(self, function: Function) -> tuple[str, ...]:
        """Names by which a caller may run the function without naming it: of the class whose constructor or
        special method it is; empty for any other."""

    def normalise(self, source: str) -> str:
        """A text that is equal for sources that differ only in layout, comments and docstrings."""

    def splice(self, text: str, function: Function, source: str, imports: tuple[str, ...] = ()) -> str:
        """The file's text with the function replaced by `source` and the imports added, line ends kept.
        Raises Unparsable when the result does not parse or the target is no longer where it was."""

    def standing(self, source: str, function: Function) -> str:
        """The text of the function's counterpart as it would stand in its place: under its name, where the change
        renamed it. Raises Unparsable when it cannot stand there."""

    def replacements(self, path: str, old: str, new: str) -> tuple[Replacement, ...]:
        """The smallest hunks of whole lines that turn one file text into the other, in order."""

    def certain(self, function: Function) -> frozenset[int]:
        """Lines of the file that every call of a function runs which returns: none that a condition, an exception
        or an earlier return may pass over. Raises Unparsable."""

    def sentinels(
        self, folder: str, taken: Collection[str], names: Sequence[str], chance: random.Random
    ) -> Sentinels:
        """A test module for a folder with tests that must pass, fail, be skipped and end in errors, in several
        styles, under names like the repository's own `names`, at a path that is not `taken`."""

    def poison(self, function: Function) -> str:
        """The function's text with a body that raises at once: the control that a test suite must notice."""

    def policy(self, original: str, candidate: str, imports: tuple[str, ...], module: str) -> tuple[str, ...]:
        """What the candidate does that a rewrite may not, in words; empty when there is nothing."""

    def test_changes(self, path: str, base: str | None, head: str | None) -> tuple[TestChange, ...]:
        """Tests that differ between two versions of a test file (None: the file does not exist there)."""

    def recipe(self, files: Files, wishes: InstallWishes) -> Recipe:
        """How the environment for this tree is installed."""

    def formatter(self, files: Files) -> tuple[str, ...] | None:
        """Argument vector of the formatter that the repository itself configures, to be run in the sandbox
        with a file's path appended; None when it configures none."""

    def suite(self, files: Files, wishes: SuiteWishes) -> SuitePlan:
        """How this tree's tests are run."""

    def unit(self, text: str, function: Function) -> Unit:
        """The swappable unit around a function of a file's text. Raises Unparsable."""

    def unit_source(self, unit_: Unit, function: Function, source: str) -> str:
        """The unit's text with the function's lines replaced by `source`."""

    def answered(self, text: str, function: Function) -> Answered:
        """The last version of a function that a model's answer holds. Raises Unparsable when it holds none."""

    def margin(self, source: str) -> str:
        """The white space before every line of a function's text; '' where they have none in common."""

    def first_statement(self, lines: Sequence[str]) -> int:
        """How many of the lines the first statement takes (of a compound one its header); 0: not complete."""

    def cut(self, lines: Sequence[str]) -> str:
        """The beginning of a function made runnable: behind it a private exception is raised, whose class name is
        `sentinel`. Raises Unparsable when nothing of it can stand."""

    sentinel: str

    def surroundings(self, text: str, function: Function) -> Surroundings:
        """What a reader of the function needs of the rest of its file, clipped; empty when the text does not
        hold the function there. Raises Unparsable."""

    def test_source(self, text: str, name: str) -> str:
        """The test of a test file with what it needs of that file (imports, fixtures, set-up). `name` is a
        test's id without its path (`test_x`, `Class::test_x`); parameters in brackets are ignored. Empty when
        it is not there. Raises Unparsable."""

    def test_name(self, code: str) -> str:
        """The name of the one test of a proposed test module. Raises Unparsable when it holds none or several."""

    def call_test(self, function: Function, text: str, files: Files, call: str, expected: str, raises: str) -> str:
        """A test module with one test that makes `call` and expects `expected`, a literal (which may be empty
        where `raises` says what comes out instead). `text` is the function's file; what the call names is imported
        as the tests in `files` import it. Raises Unparsable with the reason."""

    def stub(self, function: Function, expected: str) -> str:
        """The function's text with a body that only gives `expected`. Raises Unparsable."""

    def objection(self, code: str, function: Function, raises: str, seen: str) -> tuple[str, str] | None:
        """(slug, why) of the first reason for which a proposed test does not count as evidence, whatever it does
        when it runs; None when there is none. Slugs: `broken`, `internals`, `trivial`. `seen` is the text of the
        repository's own tests of the function: what they touch, a witness may touch."""

    def parameters(self, function: Function) -> tuple[Parameter, ...]:
        """The parameters of a function in order, `self` and `cls` included. Raises Unparsable."""

    def attacks(self, function: Function, text: str, files: Files, calls: Sequence[Call]) -> tuple[Attack, ...]:
        """Test modules that try to exploit a function through its parameters, one for each weakness and parameter
        for which its text (and that of what it calls, one level) holds a reason. `text` is the function's file;
        recorded `calls` give the shape of the other arguments. Raises Unparsable."""

    def regression_test(
        self, function: Function, text: str, files: Files, arguments: str, answer: str, needs: Sequence[str]
    ) -> str:
        """A test module with one test that calls a function with `arguments` (source of a tuple, as in
        `Call.source`) and expects the result `answer` (source; empty: that it returns at all). Raises
        Unparsable."""

    def imported_by_test(self, function: Function, files: Files) -> str:
        """A test module that does nothing but import the function's file as tests do: for a fork server that is to
        hold a function which no test executes."""

    def comparison(
        self, function: Function, files: Files, old: Answered, new: Answered, calls: Sequence[str], seconds: float
    ) -> Comparison:
        """How two versions of a function are compared symbolically for so many CPU seconds. Arguments have the
        annotated types, or else those of recorded `calls` (as `Call.source`). Raises Unparsable with the reason
        where they cannot be compared."""

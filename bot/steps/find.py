"""Find: which functions did the change touch, and what of the change is left out, and why?"""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from bot import patterns
from bot.diff import blocks
from bot.domain import Change, ChangedFunction, FileDiff, FileStatus, Found, Function, NotReviewed
from bot.errors import UsageError
from bot.languages import Files, Language, Unparsable

_SIMILAR = 0.6
"""Share of equal lines from which on two functions of different names count as one that moved."""
_SHORT = 3
"""Functions of fewer lines look alike by chance: they moved only where they are equal."""
_MOST_COMPARISONS = 10_000
"""Above this many pairs of new and gone functions only equal ones are looked for."""


def find(
    change: Change,
    base: Files,
    head: Files,
    languages: Sequence[Language],
    *,
    exclude: tuple[str, ...],
    max_file_bytes: int,
    only: str | None = None,
) -> Found:
    """The functions that the change touched, in the order of its files and lines, and what it leaves out.

    A changed line belongs to the innermost function around it. `only` (`FILE::NAME`) keeps one function of the
    change; the others become NotReviewed. Raises UsageError `not-changed` when the change does not touch it.
    """
    gate = _Gate(base, head, languages, exclude, max_file_bytes)
    files: list[_File] = []
    left_out: list[NotReviewed] = []
    gone: list[_Known] = []
    for file in change.files:
        passed = gate.admit(file)
        if isinstance(passed, _File):
            files.append(passed)
            gone += passed.gone()
        else:
            left_out.append(passed)
            gone += gate.deleted(file)
    origins = _origins([known for file in files for known in file.new()], gone)
    found: list[ChangedFunction] = []
    for admitted in files:
        changed, unchanged = admitted.judge(origins)
        found += changed
        left_out += unchanged
    moved = {origin.function.id for origin in origins.values()}
    left_out += _deleted_functions(files, moved)
    if only is not None:
        found, others = _select(found, only)
        left_out += others
    return Found(tuple(found), tuple(left_out))


def find_all(
    head: Files,
    languages: Sequence[Language],
    *,
    exclude: tuple[str, ...],
    max_file_bytes: int,
    paths: Sequence[str] = (),
) -> Found:
    """Every function of a tree, or of what lies below some of its paths, as if it had just been added; and the
    source files that are left out. Tests are evidence, and not named. Raises UsageError `no-such-file` for a path
    at which there is nothing."""
    gate = _Gate(head, head, languages, exclude, max_file_bytes)
    every = head.paths()
    for path in paths:
        if not any(below(file, path) for file in every):
            near = difflib.get_close_matches(path, every, n=3, cutoff=0.4)
            raise UsageError(
                f"There is nothing at {path} in this revision.",
                hint=_near(near, "give paths relative to the repository's root"),
                slug="no-such-file",
            )
    found: list[ChangedFunction] = []
    left_out: list[NotReviewed] = []
    for file in every:
        if paths and not any(below(file, path) for path in paths):
            continue
        if not any(language.owns(file) and not language.is_test(file) for language in languages):
            continue
        passed = gate.admit(FileDiff(file, None, FileStatus.ADDED))
        if isinstance(passed, _File):
            found += (whole(known.function) for known in passed.head)
        elif passed.slug != "empty-file":
            left_out.append(passed)
    return Found(tuple(found), tuple(left_out))


def whole(function: Function) -> ChangedFunction:
    """A function all of whose lines are looked at."""
    return ChangedFunction(function, None, tuple(range(function.start_line, function.end_line + 1)), "added")


def below(file: str, path: str) -> bool:
    """Whether a file is the path, or lies below it."""
    folder = str(PurePosixPath(path))
    return folder in (".", file) or file.startswith(f"{folder}/")


def find_function(head: Files, languages: Sequence[Language], target: str) -> ChangedFunction:
    """The function that `FILE::NAME` names, as if it had just been added.

    NAME is the qualified name (`Cart.total`, or `Cart::total` as pytest writes it), or its end where only one
    function of the file ends so. Raises UsageError: `bad-target`, `no-such-file`, `no-such-function`,
    `ambiguous-function`, `unreadable-file`.
    """
    path, name = _split(target)
    language = next((language for language in languages if language.owns(path)), None)
    try:
        data = head.read(path)
    except KeyError:
        near = difflib.get_close_matches(path, head.paths(), n=3, cutoff=0.4)
        raise UsageError(
            f"There is no file {path} at head.",
            hint=_near(near, "give a path relative to the repository's root"),
            slug="no-such-file",
        ) from None
    if language is None:
        raise UsageError(
            f"{path} is in no language that Tryline reviews.",
            hint=f"these are: {', '.join(language.name for language in languages)}",
            slug="no-such-function",
        )
    try:
        functions = language.functions(path, language.decode(data))
    except Unparsable as error:
        raise UsageError(
            f"{path} cannot be read: {error.message}.", hint="correct the file first", slug="unreadable-file"
        ) from error
    function = _named(functions, path, name)
    return whole(function)


# ---------------------------------------------------------------------------------------------------- files


@dataclass(frozen=True)
class _Known:
    """A function and its text reduced to what counts, its own name taken out."""

    function: Function
    text: str
    bare: str

    @property
    def name(self) -> str:
        return _last_name(self.function)


@dataclass(frozen=True)
class _Gate:
    """Lets through the files whose functions are reviewed, and says of every other one why it is not."""

    base: Files
    head: Files
    languages: Sequence[Language]
    exclude: tuple[str, ...]
    max_file_bytes: int

    def admit(self, file: FileDiff) -> _File | NotReviewed:
        refused = self._by_kind(file)
        if refused is not None:
            return refused
        language = self._language(file.path)
        if language is None:
            return _left_out(file, "other-language", "It is in no language that is reviewed.")
        if language.is_test(file.path):
            return _left_out(file, "test-file", "It is part of the tests: evidence, not something to rewrite.")
        data = self.head.read(file.path)
        if len(data) > self.max_file_bytes:
            return _left_out(
                file,
                "too-large",
                f"It has {len(data) // 1024} KiB; up to {self.max_file_bytes // 1024} KiB are reviewed.",
            )
        if file.binary:
            return _left_out(file, "binary", "It is binary.")
        return self._by_text(file, language, data)

    def deleted(self, file: FileDiff) -> list[_Known]:
        """The functions of a file that the change deletes: they may turn up elsewhere."""
        language = self._language(file.path)
        if file.status is not FileStatus.DELETED or language is None or language.is_test(file.path):
            return []
        return [_known(function, language) for function in self._at_base(file, language)]

    def _by_kind(self, file: FileDiff) -> NotReviewed | None:
        """What path, mode and status already decide."""
        if patterns.covers(self.exclude, file.path):
            return _left_out(file, "excluded", "The configuration excludes it.")
        if file.mode == "160000":
            return _left_out(file, "submodule", "It is a submodule: its code is reviewed in its own repository.")
        if file.mode == "120000":
            return _left_out(file, "symlink", "It is a symbolic link.")
        if file.status is FileStatus.DELETED:
            return _left_out(file, "deleted-file", "The change deletes it; the tests run without it.")
        if file.binary and self._language(file.path) is None:
            return _left_out(file, "binary", "It is binary.")
        if file.hunks or file.binary or file.status is FileStatus.ADDED:
            return None
        if file.status is FileStatus.RENAMED:
            return _left_out(
                file, "renamed-only", f"It was renamed from {file.old_path} and is otherwise the same."
            )
        return _left_out(file, "mode-only", f"Only its mode changed, to {file.mode}.")

    def _by_text(self, file: FileDiff, language: Language, data: bytes) -> _File | NotReviewed:
        try:
            text = language.decode(data)
        except Unparsable as error:
            return _left_out(file, "undecodable", f"Its text cannot be decoded: {error.message}.")
        if not text.strip():
            return _left_out(file, "empty-file", "It is empty.")
        if language.is_generated(file.path, text):
            return _left_out(file, "generated", "It says of itself that a machine wrote it.")
        try:
            functions = language.functions(file.path, text)
            known = tuple(_known(function, language) for function in functions)
        except Unparsable as error:
            lines = (error.line,) if error.line else ()
            return NotReviewed(file.path, None, lines, "unparsable", f"It cannot be parsed: {error.message}.")
        before = tuple(_known(function, language) for function in self._at_base(file, language))
        return _File(file, text.split("\n"), known, before, _counterparts(before, known))

    def _at_base(self, file: FileDiff, language: Language) -> tuple[Function, ...]:
        """Functions of the file at base; none where it is not there or cannot be read."""
        if file.old_path is None:
            return ()
        try:
            data = self.base.read(file.old_path)
            return (
                language.functions(file.old_path, language.decode(data))
                if len(data) <= self.max_file_bytes
                else ()
            )
        except (KeyError, Unparsable):
            return ()

    def _language(self, path: str) -> Language | None:
        return next((language for language in self.languages if language.owns(path)), None)


@dataclass(frozen=True)
class _Touched:
    """Where the changed lines of a file fall."""

    inside: Mapping[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """Qualified name at head -> its changed lines; a name may have none, where lines only went."""
    outside: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class _File:
    """One admitted file: its functions on both sides, and which belongs to which."""

    diff: FileDiff
    lines: list[str]
    head: tuple[_Known, ...]
    base: tuple[_Known, ...]
    pairs: Mapping[str, _Known]
    """Qualified name at head -> the function at base."""

    def new(self) -> list[_Known]:
        """Functions that have no counterpart of their name at base."""
        return [known for known in self.head if known.function.qualname not in self.pairs]

    def gone(self) -> list[_Known]:
        """Functions of base that have no counterpart of their name at head."""
        kept = {known.function.qualname for known in self.pairs.values()}
        return [known for known in self.base if known.function.qualname not in kept]

    def judge(self, origins: Mapping[str, _Known]) -> tuple[list[ChangedFunction], list[NotReviewed]]:
        """The functions that changed, and what changed without being reviewed."""
        touched = self._touched()
        changed: list[ChangedFunction] = []
        same: list[Function] = []
        for known in self.head:
            function = known.function
            if function.qualname not in touched.inside:
                continue
            lines = tuple(sorted(touched.inside[function.qualname]))
            before, origin = self.pairs.get(function.qualname), origins.get(function.id)
            if before is None:
                how = "added" if origin is None else "moved"
                changed.append(ChangedFunction(function, origin.function if origin else None, lines, how))
            elif before.text != known.text:
                changed.append(ChangedFunction(function, before.function, lines, "modified"))
            else:
                same.append(function)
        cosmetic = {line for function in same for line in touched.inside[function.qualname]}
        return changed, [*self._cosmetic(same, cosmetic), *self._outside(touched.outside)]

    def _touched(self) -> _Touched:
        touched = _Touched()
        # Qualified name at base -> the function at head.
        heads = {
            self.pairs[known.function.qualname].function.qualname: known.function
            for known in self.head
            if known.function.qualname in self.pairs
        }
        for block in blocks(self.diff):
            for line in block.new:
                self._place(line, touched)
            for line in block.old:
                old = _innermost(self.base, line)
                if old is None:
                    touched.outside.update(n for n in block.beside if _innermost(self.head, n) is None)
                    continue
                counterpart = heads.get(old.qualname)
                if counterpart is not None:
                    beside = {n for n in block.beside if _innermost(self.head, n) == counterpart}
                    touched.inside[counterpart.qualname].update(beside)
        return touched

    def _place(self, line: int, touched: _Touched) -> None:
        owner = _innermost(self.head, line)
        if owner is not None:
            touched.inside[owner.qualname].add(line)
        elif self.lines[line - 1 : line] and self.lines[line - 1].strip():
            touched.outside.add(line)

    def _cosmetic(self, same: list[Function], lines: set[int]) -> Iterator[NotReviewed]:
        if same:
            symbol = same[0].qualname if len(same) == 1 else None
            yield NotReviewed(
                self.diff.path,
                symbol,
                tuple(sorted(lines)),
                "comments-only",
                f"Only comments, docstrings or layout changed in {_listed(f.qualname for f in same)}.",
            )

    def _outside(self, lines: set[int]) -> Iterator[NotReviewed]:
        if lines:
            count = "A changed line stands" if len(lines) == 1 else f"{len(lines)} changed lines stand"
            yield NotReviewed(
                self.diff.path,
                None,
                tuple(sorted(lines)),
                "outside-functions",
                f"{count} outside of functions (imports, constants, class bodies, comments): "
                "the tests run with them, but only functions are rewritten.",
            )


def _deleted_functions(files: Iterable[_File], moved: set[str]) -> Iterator[NotReviewed]:
    for file in files:
        names = [known.function.qualname for known in file.gone() if known.function.id not in moved]
        if names:
            yield NotReviewed(
                file.diff.path,
                names[0] if len(names) == 1 else None,
                (),
                "deleted-function",
                f"The change deletes {_listed(names)}; the tests run without.",
            )


def _left_out(file: FileDiff, slug: str, reason: str) -> NotReviewed:
    return NotReviewed(file.path, None, (), slug, reason)


# ------------------------------------------------------------------------------------------------ functions


def _known(function: Function, language: Language) -> _Known:
    text = language.normalise(function.source)
    return _Known(function, text, text.replace(f"{_last_name(function)}(", "_(", 1))


def _last_name(function: Function) -> str:
    return function.qualname.partition("@")[0].rpartition(".")[2]


def _innermost(functions: Sequence[_Known], line: int) -> Function | None:
    around = [k.function for k in functions if k.function.start_line <= line <= k.function.end_line]
    return max(around, key=lambda function: function.start_line, default=None)


def _counterparts(before: Sequence[_Known], after: Sequence[_Known]) -> dict[str, _Known]:
    """For each function of `after` the one of `before` with its name; among several of one name (a property's
    getter and setter) first those with equal text, then in order."""
    rest: dict[str, list[_Known]] = defaultdict(list)
    for known in before:
        rest[known.function.qualname.partition("@")[0]].append(known)
    pairs = {}
    for equal in (True, False):
        for known in after:
            same_name = rest[known.function.qualname.partition("@")[0]]
            match = next((other for other in same_name if not equal or other.text == known.text), None)
            if match is not None and known.function.qualname not in pairs:
                pairs[known.function.qualname] = match
                same_name.remove(match)
    return pairs


def _origins(new: Sequence[_Known], gone: Sequence[_Known]) -> dict[str, _Known]:
    """For functions that are new where they are: the function that is gone elsewhere and looks most like it."""
    pairs = [(a, b, _likeness(a, b)) for a, b in _worth_comparing(new, gone)]
    pairs.sort(key=lambda pair: (pair[2], pair[0].name == pair[1].name), reverse=True)
    origins: dict[str, _Known] = {}
    taken: set[str] = set()
    for known, origin, likeness in pairs:
        if likeness >= _SIMILAR and known.function.id not in origins and origin.function.id not in taken:
            origins[known.function.id] = origin
            taken.add(origin.function.id)
    return origins


def _worth_comparing(new: Sequence[_Known], gone: Sequence[_Known]) -> Iterator[tuple[_Known, _Known]]:
    if len(new) * len(gone) <= _MOST_COMPARISONS:
        yield from ((a, b) for a in new for b in gone)
        return
    by_text: dict[str, list[_Known]] = defaultdict(list)
    for known in gone:
        by_text[known.bare].append(known)
    yield from ((a, b) for a in new for b in by_text[a.bare])


def _likeness(one: _Known, other: _Known) -> float:
    """Share of equal lines, 0 to 1; short functions that are not equal, or not called the same, are not alike."""
    a, b = one.bare.split("\n"), other.bare.split("\n")
    if a == b:
        return 1.0 if len(a) >= _SHORT or one.name == other.name else 0.0
    if min(len(a), len(b)) < _SHORT:
        return 0.0
    matcher = difflib.SequenceMatcher(None, a, b, autojunk=False)
    return matcher.ratio() if matcher.real_quick_ratio() >= _SIMILAR and matcher.quick_ratio() >= _SIMILAR else 0.0


# ------------------------------------------------------------------------------------------------- selection


def _select(found: list[ChangedFunction], only: str) -> tuple[list[ChangedFunction], list[NotReviewed]]:
    path, name = _split(only)
    inside = [changed for changed in found if changed.head.path == path]
    matching = [changed for changed in inside if changed.head.qualname == name]
    matching = matching or [changed for changed in inside if changed.head.qualname.endswith(f".{name}")]
    if not matching:
        raise UsageError(
            f"The change does not touch {only}.",
            hint=_near(
                [changed.id for changed in found][:5], "`tryline try` looks at a function without a change"
            ),
            slug="not-changed",
        )
    others = [
        NotReviewed(c.head.path, c.head.qualname, c.changed_lines, "not-selected", f"Only {only} was asked for.")
        for c in found
        if c not in matching
    ]
    return matching, others


def _split(target: str) -> tuple[str, str]:
    path, separator, name = target.partition("::")
    if not separator or not path or not name:
        raise UsageError(
            f"{target!r} does not name a function.",
            hint="write FILE::NAME, as shop/cart.py::Cart.total",
            slug="bad-target",
        )
    return str(PurePosixPath(path)), name.replace("::", ".")


def _named(functions: Sequence[Function], path: str, name: str) -> Function:
    exact = [function for function in functions if function.qualname == name]
    matching = exact or [function for function in functions if function.qualname.endswith(f".{name}")]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise UsageError(
            f"{name} names {len(matching)} functions of {path}.",
            hint=f"name one of them: {', '.join(function.id for function in matching)}",
            slug="ambiguous-function",
        )
    near = difflib.get_close_matches(name, [function.qualname for function in functions], n=3, cutoff=0.4)
    raise UsageError(
        f"{path} has no function {name}.",
        hint=_near([f"{path}::{other}" for other in near], f"it has {len(functions)} functions"),
        slug="no-such-function",
    )


def _near(names: Sequence[str], otherwise: str) -> str:
    return f"did you mean {' or '.join(names)}?" if names else otherwise


def _listed(names: Iterable[str]) -> str:
    """`a`, `b` and 3 more."""
    every = [f"`{name}`" for name in names]
    shown, rest = every[:3], len(every[3:])
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if shown[:-1] else shown)

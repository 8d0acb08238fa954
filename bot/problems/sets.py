"""Problem sets: files in several forms, read as text and never run here, become problems of one form."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bot.errors import UsageError
from bot.problems import forms
from bot.problems.forms import Malformed, Problem, Unusable

LONGEST_LINE = 64 << 20
"""Bytes of one line; the largest of LiveCodeBench's are about half of that."""
MOST = 100_000


@dataclass(frozen=True)
class LeftOut:
    """A well-formed problem that cannot be measured, and why."""

    id: str
    why: str


@dataclass(frozen=True)
class ProblemSet:
    """Problems in the order of their file."""

    name: str
    problems: tuple[Problem, ...]
    left_out: tuple[LeftOut, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over everything in its problems: equal for equal sets wherever they lie."""
        text = json.dumps([asdict(problem) for problem in self.problems], sort_keys=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def part(self, *, only: str = "", limit: int | None = None) -> ProblemSet:
        """The problems whose id begins with `only`, at most `limit` of them, spread evenly over the set."""
        kept = [problem for problem in self.problems if problem.id.startswith(only)]
        if limit is not None and limit < len(kept):
            kept = [kept[index * len(kept) // limit] for index in range(limit)]
        return ProblemSet(self.name, tuple(kept), tuple(row for row in self.left_out if row.id.startswith(only)))


def load(path: Path) -> ProblemSet:
    """The set at a path: a JSONL file, each line in a form that `forms` knows, or a folder of seeded defects.

    A folder holds one folder for each function, with `function.py`, `defects.toml`, `test_visible.py` and
    `test_hidden.py`. Raises UsageError (`problem-set`) that names the line and says what is wrong with it.
    """
    rows = _defects(path) if path.is_dir() else _lines(path)
    problems: list[Problem] = []
    left_out: list[LeftOut] = []
    seen: dict[str, str] = {}
    for place, row in rows:
        try:
            if len(seen) >= MOST:
                raise Malformed(f"the set has more than {MOST} problems")
            name = forms.name_of(row)
            if name in seen:
                raise Malformed(f"`{name}` is there twice, first at {seen[name]}")
            seen[name] = place
            try:
                problems.append(forms.read(row))
            except Unusable as why:
                left_out.append(LeftOut(name, str(why)))
        except Malformed as problem:
            raise _wrong(path, place, str(problem)) from None
    if not seen:
        raise _wrong(path, "", "it holds no problem")
    return ProblemSet(path.name, tuple(problems), tuple(left_out))


def _lines(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(place, object) of every line that is not blank."""
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(LONGEST_LINE + 1):
                number += 1
                place = f"line {number}"
                if len(line) > LONGEST_LINE:
                    raise _wrong(path, place, f"it is longer than {LONGEST_LINE >> 20} MiB")
                if line.strip():
                    yield place, _object(path, place, line)
    except OSError as error:
        raise _wrong(path, "", f"it cannot be read: {error.strerror}") from None


def _object(path: Path, place: str, line: bytes) -> Mapping[str, Any]:
    try:
        row = json.loads(line.decode("utf-8-sig"), parse_constant=_no_number)
    except RecursionError:
        raise _wrong(path, place, "it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _wrong(path, place, f"it is not JSON: {error.msg} at column {error.colno}") from None
    except ValueError as error:
        raise _wrong(path, place, f"it cannot be read: {forms.shown(error)}") from None
    if not isinstance(row, dict):
        raise _wrong(path, place, "it is not a JSON object")
    return row


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _defects(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(place, problem in our own form) of every defect in a folder of seeded defects."""
    for folder in sorted(entry for entry in path.iterdir() if (entry / "defects.toml").is_file()):
        place = f"{folder.name}/defects.toml"
        try:
            texts = {
                name: (folder / name).read_text("utf-8")
                for name in ("function.py", "test_visible.py", "test_hidden.py", "defects.toml")
            }
            entries = tomllib.loads(texts["defects.toml"])["defect"]
            for entry in entries:
                yield f"{place}, `{forms.shown(entry['id'])}`", _defect(folder.name, entry, texts)
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise _wrong(path, place, f"it cannot be read: {forms.shown(error)}") from None


def _defect(folder: str, entry: Mapping[str, Any], texts: Mapping[str, str]) -> Mapping[str, Any]:
    correct = defective = texts["function.py"]
    for old, new in entry["change"]:
        if defective.count(old) != 1:
            raise ValueError(f"{entry['id']}: {old!r} occurs {defective.count(old)} times, not once")
        defective = defective.replace(old, new)
    return {
        "id": f"{folder}/{entry['id']}",
        "path": "function.py",
        "function": entry.get("function", ""),
        "module": defective,
        "reference": correct,
        "visible": texts["test_visible.py"],
        "hidden": texts["test_hidden.py"],
    }


def _wrong(path: Path, place: str, what: str) -> UsageError:
    where = f"{path.name}, {place}" if place else path.name
    return UsageError(
        f"{where}: {what}",
        hint="docs/bench.md shows the forms that a problem set may have.",
        slug="problem-set",
    )

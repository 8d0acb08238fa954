"""The experiment's file: a header that says what was run how, then one line for each cell, safe against a kill."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

from bot.errors import UsageError
from bot.problems.forms import shown

FORMAT = 1
LONGEST = 4 << 20


@dataclass(frozen=True)
class Cell:
    """One arm on one problem with one seed: an answer, right or wrong, or a failure of the infrastructure."""

    problem: str
    arm: str
    seed: int
    visible: bool = False
    """The submission passes, cold, the tests that were shown."""
    hidden: bool = False
    """... and those that were held back: the answer is right."""
    submitted: bool = False
    rung: str = ""
    """The rung of the ladder that found it."""
    tokens_in: int = 0
    tokens_out: int = 0
    requests: int = 0
    seconds: float = 0.0
    executions: int = 0
    stopped: str = ""
    """Why the search ended."""
    note: str = ""
    failure: str = ""
    """What of the infrastructure failed; '' for an answer. A failed cell is tried again, and never an answer."""

    @property
    def key(self) -> tuple[str, str, int]:
        """What makes it the cell it is."""
        return self.problem, self.arm, self.seed

    @property
    def overfit(self) -> bool:
        """Right by what was shown, wrong by what was held back."""
        return self.visible and not self.hidden


@dataclass(frozen=True)
class Header:
    """What makes two runs the same experiment, and what is only told."""

    configuration: Mapping[str, Any]
    """Every difference in it makes a run another experiment."""
    about: Mapping[str, Any]
    """For readers: when and where it began."""


@dataclass(frozen=True)
class Record:
    """A file, read."""

    header: Header
    cells: tuple[Cell, ...]
    """The last of each key, in the order of their first appearance."""
    excluded: Mapping[str, str]
    """Problems that no arm could be measured on -> why."""


class Journal:
    """The file while an experiment runs: one writer at a time, one line at a time. Use as a context."""

    def __init__(self, path: Path, header: Header) -> None:
        """Opens or begins the file. A last line that a kill cut off is taken away.

        Raises UsageError: `experiment-file` when it cannot be written or is another file, `experiment-other`
        when it holds an experiment with another configuration, `experiment-busy` when another run has it.
        """
        self.path = path
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        except OSError as error:
            raise UsageError(
                f"{path} cannot be written: {error.strerror}", hint="Name another file.", slug="experiment-file"
            ) from None
        try:
            self._lock()
            self._mend()
            self.record = self._begin(header)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def add(self, cell: Cell) -> None:
        """Writes one cell; when this returns it is on the disk."""
        self._write({"kind": "cell", **asdict(cell)})

    def exclude(self, problem: str, why: str) -> None:
        """Writes that a problem is left out, and why."""
        self._write({"kind": "excluded", "problem": problem, "why": why})

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"another run is writing {self.path}",
                hint="Wait for it, or name another file.",
                slug="experiment-busy",
            ) from None

    def _mend(self) -> None:
        """Takes away what stands behind the last line end: a line that a kill cut off."""
        size = os.fstat(self._file).st_size
        end = size
        while end > 0:
            start = max(0, end - 65_536)
            chunk = os.pread(self._file, end - start, start)
            if (at := chunk.rfind(b"\n")) >= 0:
                end = start + at + 1
                break
            end = start
        if end == 0 and size > 0 and not os.pread(self._file, 16, 0).startswith(b'{"kind": "head'[:size]):
            raise _foreign(self.path, "it is no experiment")
        if end != size:
            os.ftruncate(self._file, end)

    def _begin(self, header: Header) -> Record:
        if os.fstat(self._file).st_size == 0:
            self._write(
                {"kind": "header", "format": FORMAT, "configuration": header.configuration, "about": header.about}
            )
            return Record(header, (), {})
        record = read(self.path)
        if differing := differences(record.header.configuration, json.loads(json.dumps(header.configuration))):
            raise UsageError(
                f"{self.path} holds another experiment: {'; '.join(differing[:5])}",
                hint="Name another file, or run with the settings that the file names.",
                slug="experiment-other",
            )
        return record

    def _write(self, row: Mapping[str, Any]) -> None:
        data = json.dumps(row, ensure_ascii=True).encode("ascii") + b"\n"
        while data:
            data = data[os.write(self._file, data) :]
        os.fsync(self._file)


def read(path: Path) -> Record:
    """An experiment's file; a cut last line is passed over. Raises UsageError (`experiment-file`)."""
    rows = _rows(path)
    first = next(rows, None)
    if first is None or first[1].get("kind") != "header":
        raise _foreign(path, "it does not begin with an experiment's header")
    if first[1].get("format") != FORMAT:
        raise _foreign(path, f"its format is {shown(first[1].get('format'))}, not {FORMAT}")
    header = Header(_mapping(path, first[1], "configuration"), _mapping(path, first[1], "about"))
    cells: dict[tuple[str, str, int], Cell] = {}
    excluded: dict[str, str] = {}
    for number, row in rows:
        if row.get("kind") == "cell":
            cell = _cell(path, number, row)
            cells[cell.key] = cell
        elif row.get("kind") == "excluded" and isinstance(row.get("problem"), str):
            excluded[row["problem"]] = str(row.get("why", ""))
        else:
            raise _foreign(path, f"line {number} is no line of an experiment")
    return Record(header, tuple(cells.values()), excluded)


def differences(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> list[str]:
    """What differs between two configurations, each in words."""
    found: list[str] = []
    for name in sorted({*before, *now}):
        place = f"{within}{name}"
        old, new = before.get(name), now.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{place}.")
        elif old != new:
            found.append(f"{place} was {shown(_told(old), 60)}, now {shown(_told(new), 60)}")
    return found


def _told(value: Any) -> str:
    return "absent" if value is None else json.dumps(value)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open("rb") as stream:
            number = 0
            while line := stream.readline(LONGEST):
                number += 1
                if not line.endswith(b"\n"):
                    if len(line) < LONGEST:
                        return  # cut by a kill
                    raise _foreign(path, f"line {number} is too long")
                row: Any = None
                with contextlib.suppress(ValueError, RecursionError):
                    row = json.loads(line)
                if not isinstance(row, dict):
                    raise _foreign(path, f"line {number} is no JSON object")
                yield number, row
    except OSError as error:
        raise _foreign(path, f"it cannot be read: {error.strerror}") from None


def _cell(path: Path, number: int, row: Mapping[str, Any]) -> Cell:
    values: dict[str, Any] = {}
    for field in fields(Cell):
        value = row.get(field.name)
        wanted = _KINDS[str(field.type)]
        if type(value) not in wanted:
            raise _foreign(path, f"line {number}: `{field.name}` is not as a cell has it")
        values[field.name] = value
    return Cell(**values)


_KINDS: Mapping[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}


def _mapping(path: Path, row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = row.get(name)
    if not isinstance(value, dict):
        raise _foreign(path, f"its header has no `{name}`")
    return value


def _foreign(path: Path, what: str) -> UsageError:
    return UsageError(f"{path}: {what}", hint="Name a file that `tryline bench` wrote.", slug="experiment-file")

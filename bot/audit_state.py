"""What audits leave behind for the next one: one SQLite file, which a cache or an artifact can carry.

Each task's result is committed at once, so that a run that is killed loses only what was under way. A file that is
none of ours, of another version or damaged is refused and left as it is. One process at a time has it.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bot.audited import FixedFinding
from bot.domain import Finding, Review
from bot.errors import UsageError
from bot.record import dumps, from_json

APPLICATION = 0x54524C41
"""SQLite's `application_id` of our files: `TRLA`."""
VERSION = 1
"""SQLite's `user_version`: of the tables below."""
FILE_NAME = "audit.sqlite"
MOST_BYTES = 64 * 1024 * 1024
"""Of one value after it was unpacked."""

_TABLES = """
CREATE TABLE functions (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, file TEXT NOT NULL, tests TEXT NOT NULL, at TEXT NOT NULL,
    seconds REAL NOT NULL, executions INTEGER NOT NULL, covered INTEGER NOT NULL, found INTEGER NOT NULL,
    result BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE findings (
    id TEXT PRIMARY KEY, function TEXT NOT NULL, title TEXT NOT NULL, rule TEXT NOT NULL,
    severity TEXT NOT NULL, since TEXT NOT NULL, last TEXT NOT NULL, fixed TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX findings_of ON findings (function);
CREATE TABLE waiting (id TEXT PRIMARY KEY, since TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE audits (at TEXT PRIMARY KEY, id TEXT NOT NULL, ground TEXT NOT NULL, ended INTEGER NOT NULL,
    whole INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE observations (ground TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Kept:
    """What the last audit of a function left."""

    key: str
    """Of what its result depends on; see `bot.audited.AuditedFunction.key`."""
    file: str
    """Digest of the whole file: where something was found, lines and rewrites stand for this text alone."""
    tests: tuple[str, ...]
    """Ids of the tests that executed it."""
    at: str
    """ISO 8601 time of that audit."""
    seconds: float
    executions: int
    covered: int
    """How many of its lines tests executed."""
    found: bool
    """Whether something was found in it."""


@dataclass(frozen=True)
class Under:
    """An audit, as it is written down when it begins."""

    at: str
    id: str
    ground: str
    """Digest of the tree, the settings and our version: an audit that was interrupted goes on only on the same."""


class State:
    """The file, open and locked. A context manager."""

    def __init__(self, path: Path, base: sqlite3.Connection) -> None:
        self.path = path
        self._base = base

    @classmethod
    def open(cls, path: Path) -> State:
        """Opens the file, or makes it. Raises UsageError: `state-locked` (another process has it),
        `state-invalid` (it is damaged, or cannot be read or written), `state-foreign` (no file of ours),
        `state-version` (of a later version). A file that is refused stays as it is."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # One process, several threads: callers take turns.
            base = sqlite3.connect(path, timeout=0.5, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise _unusable(path, error) from None
        try:
            _ready(path, base)
        except BaseException as error:
            base.close()
            if isinstance(error, sqlite3.Error):
                raise _unusable(path, error) from None
            raise
        return cls(path, base)

    def __enter__(self) -> State:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets the file go."""
        self._base.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """All of it is written, or nothing. Raises UsageError."""
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None

    def _rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        try:
            return self._base.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise _unusable(self.path, error) from None

    # ---------------------------------------------------------------------------------------------- audits

    def begin(self, audit: Under) -> Under:
        """Writes down that an audit begins; the one that was interrupted on the same ground, if that was the last,
        which then goes on."""
        rows = self._rows("SELECT at, id, ground, ended FROM audits ORDER BY at DESC LIMIT 1")
        if rows and not rows[0][3] and rows[0][2] == audit.ground:
            return Under(str(rows[0][0]), str(rows[0][1]), str(rows[0][2]))
        with self._changing() as base:
            base.execute("DELETE FROM audits WHERE ended = 0")
            base.execute(
                "INSERT OR REPLACE INTO audits VALUES (?, ?, ?, 0, 0)", (audit.at, audit.id, audit.ground)
            )
            base.execute("DELETE FROM observations WHERE ground != ?", (audit.ground,))
        return audit

    def end(self, audit: Under, waiting: Iterable[str], *, whole: bool) -> None:
        """Writes down that it ended, and whose turn did not come. What was observed is kept where work is left."""
        names = set(waiting)
        with self._changing() as base:
            base.execute("UPDATE audits SET ended = 1, whole = ? WHERE at = ?", (int(whole), audit.at))
            base.execute("DELETE FROM audits WHERE at NOT IN (SELECT at FROM audits ORDER BY at DESC LIMIT 100)")
            known = {str(row[0]) for row in base.execute("SELECT id FROM waiting")}
            base.executemany("DELETE FROM waiting WHERE id = ?", [(name,) for name in known - names])
            base.executemany("INSERT INTO waiting VALUES (?, ?)", [(name, audit.at) for name in names - known])
            if whole:
                base.execute("DELETE FROM observations")

    def finished(self, ground: str) -> bool:
        """Whether the last audit that ended was on this ground, and every function has a result of it."""
        rows = self._rows("SELECT ground, whole FROM audits WHERE ended = 1 ORDER BY at DESC LIMIT 1")
        return bool(rows) and rows[0][0] == ground and bool(rows[0][1])

    def previous(self, audit: Under) -> str:
        """When the last audit before this one was; empty where there was none."""
        rows = self._rows("SELECT max(at) FROM audits WHERE ended = 1 AND at < ?", audit.at)
        return str(rows[0][0] or "")

    def seen(self, ground: str) -> str | None:
        """What was observed on this ground, as `saw` got it."""
        rows = self._rows("SELECT data FROM observations WHERE ground = ?", ground)
        return self._unpacked(rows[0][0]) if rows else None

    def saw(self, ground: str, text: str) -> None:
        """Keeps what was observed, so that an interrupted audit need not observe again; too much is not kept."""
        if len(text) > MOST_BYTES:
            return
        with self._changing() as base:
            base.execute("DELETE FROM observations")
            base.execute("INSERT INTO observations VALUES (?, ?)", (ground, _packed(text)))

    # ------------------------------------------------------------------------------------------- functions

    def functions(self) -> dict[str, Kept]:
        """What is known of functions, by id, their results apart."""
        query = "SELECT id, key, file, tests, at, seconds, executions, covered, found FROM functions"
        found = {}
        for name, key, file, tests, *rest in self._rows(query):
            at, seconds, executions, covered, any_ = rest
            kept = Kept(
                str(key),
                str(file),
                tuple(filter(None, str(tests).split("\n"))),
                str(at),
                float(str(seconds)),
                int(str(executions)),
                int(str(covered)),
                bool(any_),
            )
            found[str(name)] = kept
        return found

    def waiting(self) -> dict[str, str]:
        """Id of each function whose turn did not come -> since when."""
        return {str(name): str(since) for name, since in self._rows("SELECT id, since FROM waiting")}

    def result(self, function: str) -> Review | None:
        """The last result of a function, checked like any other saved result. None where there is none that can be
        read: it is made again then."""
        rows = self._rows("SELECT result FROM functions WHERE id = ?", function)
        if not rows:
            return None
        try:
            return from_json(json.loads(self._unpacked(rows[0][0])))
        except (UsageError, ValueError, RecursionError):
            return None

    def keep(self, audit: Under, done: Sequence[tuple[str, Kept, Review]]) -> tuple[FixedFinding, ...]:
        """Commits the results of functions that were audited, and what became of their findings: gives those that
        are no more."""
        fixed: list[FixedFinding] = []
        with self._changing() as base:
            for name, kept, review in done:
                row = (
                    name,
                    kept.key,
                    kept.file,
                    "\n".join(kept.tests),
                    kept.at,
                    kept.seconds,
                    kept.executions,
                    kept.covered,
                    int(kept.found),
                    _packed(dumps(review)),
                )
                base.execute(f"INSERT OR REPLACE INTO functions VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608
                base.execute("DELETE FROM waiting WHERE id = ?", (name,))
                shown = [item.finding for item in review.findings]
                for finding in shown:
                    _note(base, audit, finding)
                fixed += _fix(base, audit, name, {finding.id for finding in shown})
        return tuple(fixed)

    def forget(self, audit: Under, gone: Iterable[str]) -> tuple[FixedFinding, ...]:
        """Drops functions that are no more: their findings are no more, either."""
        fixed: list[FixedFinding] = []
        with self._changing() as base:
            for name in gone:
                fixed += _fix(base, audit, name, frozenset())
                base.execute("DELETE FROM functions WHERE id = ?", (name,))
                base.execute("DELETE FROM waiting WHERE id = ?", (name,))
        return tuple(fixed)

    # -------------------------------------------------------------------------------------------- findings

    def since(self) -> Mapping[str, str]:
        """Id of each finding that stands -> when it was first seen."""
        return {str(row[0]): str(row[1]) for row in self._rows("SELECT id, since FROM findings WHERE fixed = ''")}

    def fixed(self, audit: Under) -> tuple[FixedFinding, ...]:
        """What this audit no longer found."""
        rows = self._rows(
            "SELECT id, title, function, rule, severity, since, fixed FROM findings WHERE fixed = ? ORDER BY id",
            audit.at,
        )
        return tuple(FixedFinding(*map(str, row)) for row in rows)

    def history(self) -> Mapping[str, int]:
        """Function -> how many findings audits ever had in it."""
        rows = self._rows("SELECT function, count(*) FROM findings GROUP BY function")
        return {str(name): int(str(count)) for name, count in rows}

    def _unpacked(self, data: object) -> str:
        """A value as it was before it was packed. Raises UsageError."""
        try:
            if not isinstance(data, bytes):
                raise ValueError("no bytes")
            unpacker = zlib.decompressobj()
            text = unpacker.decompress(data, MOST_BYTES)
            if unpacker.unconsumed_tail or not unpacker.eof:
                raise ValueError("too large, or cut")
            return text.decode("utf-8")
        except (ValueError, zlib.error) as error:
            raise _unusable(self.path, error) from None


def _ready(path: Path, base: sqlite3.Connection) -> None:
    """Locks the file for as long as it is open, and sees that it is ours. Raises UsageError, sqlite3.Error."""
    try:
        # A journal of its own beside the file while something is written, and none otherwise: one file is carried.
        base.execute("PRAGMA locking_mode = EXCLUSIVE")
        base.execute("PRAGMA trusted_schema = OFF")
        base.execute("PRAGMA synchronous = FULL")
        base.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        raise UsageError(
            f"Another process is using the state of audits, {path}.",
            hint="Wait until that audit has ended, or give this one a file of its own with `--state`.",
            slug="state-locked",
        ) from None
    application = base.execute("PRAGMA application_id").fetchone()[0]
    version = base.execute("PRAGMA user_version").fetchone()[0]
    empty = not base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION and not empty:
        raise UsageError(
            f"{path} is an SQLite file of some other program: it is left as it is.",
            hint="Name another file with `--state`.",
            slug="state-foreign",
        )
    if not empty and version != VERSION:
        raise UsageError(
            f"The state of audits {path} is of version {version}, this Tryline reads version {VERSION}.",
            hint="Use the version of Tryline that wrote it, or begin a new file with `--state`.",
            slug="state-version",
        )
    if empty:
        for statement in filter(str.strip, _TABLES.split(";")):
            base.execute(statement)
        base.execute(f"PRAGMA application_id = {APPLICATION}")
        base.execute(f"PRAGMA user_version = {VERSION}")
    base.execute("COMMIT")
    said = base.execute("PRAGMA quick_check(1)").fetchone()[0]
    if said != "ok":
        raise sqlite3.DatabaseError(said)


def _unusable(path: Path, error: Exception) -> UsageError:
    why = str(error).split("\n")[0][:200]
    return UsageError(
        f"The state of audits {path} cannot be used: {why}. It is left as it is.",
        hint="Restore it from a copy, or begin a new one with `--state FILE`: all is audited again then.",
        slug="state-invalid",
    )


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode("utf-8", "replace"), 6)


def _note(base: sqlite3.Connection, audit: Under, finding: Finding) -> None:
    """A finding that was shown: new, known, or there again after it was gone."""
    row = (finding.id, finding.function.id, finding.title, finding.rule, str(finding.severity), audit.at, audit.at)
    base.execute(
        "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, '') ON CONFLICT (id) DO UPDATE SET"
        " title = excluded.title, severity = excluded.severity, last = excluded.last, fixed = '',"
        " since = CASE WHEN fixed = '' THEN since ELSE excluded.since END",
        row,
    )


def _fix(
    base: sqlite3.Connection, audit: Under, function: str, shown: set[str] | frozenset[str]
) -> Iterator[FixedFinding]:
    """Marks what a function no longer shows."""
    query = "SELECT id, title, rule, severity, since FROM findings WHERE function = ? AND fixed = ''"
    for name, title, rule, severity, since in base.execute(query, (function,)).fetchall():
        if name not in shown:
            base.execute("UPDATE findings SET fixed = ? WHERE id = ?", (audit.at, name))
            yield FixedFinding(name, title, function, rule, severity, since, audit.at)

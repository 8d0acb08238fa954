"""What stands in a pickle for arguments that have none: an open database, a file that lies where a test put it.

The recorder's own pickler alone writes them so; whoever loads such a pickle gets a database in memory with the
same rows, or the path with what lay there put back. Only files below the folder for temporary ones are kept and
put back: what a test passes from there is gone with the test.
"""

import copyreg
import hashlib
import io
import os
import pathlib
import pickle
import shutil
import sys
import tempfile
import zlib

MAX_FILES = 20
MAX_DATABASE = 1 << 20
"""Bytes of a database, before they are compressed."""
MAX_BYTES = 8 * 1024
"""Bytes of a file, or of all files of a folder."""
MAX_ROWS = 20000

WATCHED = [False]
"""Whether what a database and a file hold counts as part of a value: in calls of our own, where asking disturbs
nobody."""


def dumps(values):
    """A pickle of values, these among them. Raises whatever a class forbids it with."""
    stream = io.BytesIO()
    dump(values, stream)
    return stream.getvalue()


def dump(values, stream):
    """The same into a stream."""
    made = pickle.Pickler(stream, 4)
    table = made.dispatch_table = dict(copyreg.dispatch_table)
    table.update({pathlib.PosixPath: path_told, Place: Place.told})
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is not None:
        table[sqlite3.Connection] = database_told
    made.dump([Place(value) if type(value) is str and temporary(value) else value for value in values])


# ---------------------------------------------------------------------------------------------- databases


def is_database(value):
    """Whether a value is an open database of sqlite."""
    sqlite3 = sys.modules.get("sqlite3")
    # By its type alone: `isinstance` asks a stranger's object for its `__class__`, which may do anything.
    return sqlite3 is not None and issubclass(type(value), sqlite3.Connection)


def database_told(connection):
    """A connection as what makes it anew. Raises ValueError for one that is too large or holds too much else."""
    sqlite3 = sys.modules["sqlite3"]
    if connection.row_factory not in (None, sqlite3.Row) or connection.text_factory is not str:
        raise ValueError("its rows are made by the repository")
    if hasattr(connection, "serialize"):  # reads the pages: no statement that anybody may trace or count
        data = connection.serialize()
    else:
        data = "\n".join(connection.iterdump()).encode()
    if len(data) > MAX_DATABASE:
        raise ValueError("too large")
    by_name = connection.row_factory is sqlite3.Row
    return database, (zlib.compress(data, 1), by_name, connection.isolation_level)


def database(data, by_name, level):
    """A database in memory with the same content."""
    import sqlite3

    connection = sqlite3.connect(":memory:", check_same_thread=False)
    data = zlib.decompress(data)
    if data.startswith(b"SQLite format 3\0"):
        connection.deserialize(data)
    elif data:
        connection.executescript(data.decode())
    connection.isolation_level = level
    if by_name:
        connection.row_factory = sqlite3.Row
    return connection


def tables_of(connection):
    """[(name, rows)] of all tables that hold any, rows as tuples whatever the connection makes of them."""
    found = []
    for name in names_of(connection):
        rows = plain(connection, "SELECT * FROM %s LIMIT %d" % (quoted(name), MAX_ROWS))
        if rows:
            found.append((name, rows))
    return found


def names_of(connection):
    """Names of its tables."""
    rows = plain(connection, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows]


def rows_in(connection):
    """How many rows there are in all."""
    return sum(plain(connection, "SELECT count(*) FROM %s" % quoted(name))[0][0] for name in names_of(connection))


def plain(connection, statement):
    """Rows of a question, as tuples."""
    cursor = connection.cursor()
    cursor.row_factory = None
    return [tuple(row) for row in cursor.execute(statement).fetchall()]


def insert(connection, name, rows):
    """Adds those rows that a table takes; whether it took any."""
    marks = ", ".join("?" * len(rows[0])) if rows else ""
    before, within = connection.total_changes, connection.in_transaction
    statement = "INSERT OR IGNORE INTO %s VALUES (%s)" % (quoted(name), marks)
    for start in range(0, len(rows), 500):
        connection.cursor().executemany(statement, rows[start : start + 500])
    if connection.in_transaction and not within:
        connection.commit()
    return connection.total_changes > before


def quoted(name):
    return '"%s"' % name.replace('"', '""')


def content(value):
    """What a database or a path holds, as a short text; empty where that is not to be looked at, or nothing."""
    if not WATCHED[0]:
        return ""
    try:
        if is_database(value):
            return hashlib.sha256(repr(tables_of(value)).encode()).hexdigest()[:12]
        path = pathlib.PurePath.__str__(value)
        return hashlib.sha256(repr(kept(path)).encode()).hexdigest()[:12] if temporary(path) else ""
    except Exception:  # closed, or locked
        return "?"


# -------------------------------------------------------------------------------------------------- files


def temporary(path):
    """Whether a text is the path of something below the folder for temporary files."""
    folder = tempfile.gettempdir()
    return path.startswith(folder + os.sep) and "\0" not in path and ".." not in path and len(path) < 1000


def kept(path):
    """What lies at a path: None for nothing, bytes of a file, or {name: bytes} of a folder; False where that is
    too much, or cannot be read."""
    if not os.path.lexists(path):
        return None
    if os.path.isfile(path):
        return read(path) if os.path.getsize(path) <= MAX_BYTES else False
    if not os.path.isdir(path):
        return False
    found, size = {}, 0
    for folder, _, names in os.walk(path):
        for name in names:
            place = os.path.join(folder, name)
            if len(found) >= MAX_FILES or not os.path.isfile(place) or os.path.islink(place):
                return False
            size += os.path.getsize(place)
            if size > MAX_BYTES:
                return False
            found[os.path.relpath(place, path)] = read(place)
    return found


def read(path):
    with io.FileIO(path) as stream:  # and not `open`, which a test may have replaced
        return stream.readall()


def put_back(path, state):
    """Makes what lies at a path what lay there. Nothing outside the folder for temporary files is touched."""
    if state is False or not temporary(path) or os.path.islink(path):
        return
    if os.path.isdir(path):
        if type(state) is dict and kept(path) == state:
            return
        shutil.rmtree(path)
    elif os.path.lexists(path) and state is None:
        os.unlink(path)
    if state is None:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    elif type(state) is dict:
        os.makedirs(path, exist_ok=True)
        for name, data in state.items():
            write(os.path.join(path, name), data)
    else:
        write(path, state)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with io.FileIO(path, "w") as stream:
        stream.write(data)


def path_told(path):
    """A path as what makes it anew, with what lies there."""
    if not temporary(str(path)):
        return type(path), tuple(path.parts)
    return path_of, (str(path), kept(str(path)))


def path_of(text, state):
    """The path, its file put back."""
    put_back(text, state)
    return pathlib.Path(text)


class Place:
    """A text that is a path, while it is pickled."""

    def __init__(self, text):
        self.text = text

    def told(self):
        return text_of, (self.text, kept(self.text))


def text_of(text, state):
    """The text, the file at it put back."""
    put_back(text, state)
    return text

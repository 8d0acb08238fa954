"""Databases and files in pickles: made again with what they held, and nothing touched that is not temporary."""

from __future__ import annotations

import pickle
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tryline_inside import recorder, reviving, scaling

SCHEMA = "create table author (id integer primary key, name text); create table book (title text, author integer)"


def library() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    made.executescript(SCHEMA)
    made.execute("insert into author values (1, 'Lem'), (2, 'Le Guin')")
    made.execute("insert into book values ('Solaris', 1), ('Lathe', 2), ('Fiasco', 1)")
    return made


def again(value: Any) -> Any:
    return pickle.loads(reviving.dumps([value]))[0]


def test_a_database_is_made_again_with_its_rows_and_its_ways() -> None:
    first = library()
    first.row_factory = sqlite3.Row
    second = again(first)
    assert second.execute("select name from author where id = 2").fetchone()["name"] == "Le Guin"
    second.execute("delete from book")
    assert first.execute("select count(*) from book").fetchone()[0] == 3


def test_what_was_not_committed_is_there_and_still_can_be_taken_back() -> None:
    first = library()
    assert first.in_transaction
    second = again(first)
    assert reviving.rows_in(second) == 5
    first.rollback()
    assert reviving.rows_in(first) == 0


def test_recorded_arguments_may_hold_one_and_odd_ones_are_left_out() -> None:
    assert recorder.freeze([library(), 3])
    odd = library()
    odd.row_factory = lambda cursor, row: list(row)
    assert recorder.freeze([odd]) == ""


def test_a_grown_database_has_more_rows_and_its_keys_still_meet() -> None:
    (grown,) = scaling.scale([library()], 5, random.Random(1), vary=scaling.ALL)
    met = "select count(*) from book join author on author.id = book.author"
    assert reviving.rows_in(grown) == 25
    assert grown.execute(met).fetchone()[0] == 15


def test_content_counts_in_calls_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = library(), library()
    other.execute("delete from book where title = 'Fiasco'")
    assert recorder.canon([one]) == recorder.canon([other])
    monkeypatch.setattr(reviving, "WATCHED", [True])
    assert recorder.canon([one]) != recorder.canon([other])
    assert recorder.canon([one]) == recorder.canon([library()])


@pytest.mark.parametrize("kind", [str, Path])
def test_files_are_put_back_as_they_were(tmp_path: Path, kind: type) -> None:
    (tmp_path / "sub").mkdir()
    file = tmp_path / "sub" / "c.json"
    file.write_text("{}")
    frozen = {place: reviving.dumps([kind(place)]) for place in (file, tmp_path, tmp_path / "new.txt")}
    file.write_text("changed")
    (tmp_path / "new.txt").write_text("made by the call")
    (place,) = pickle.loads(frozen[tmp_path / "new.txt"])
    assert not (tmp_path / "new.txt").exists() and place == kind(tmp_path / "new.txt")
    assert pickle.loads(frozen[file])[0] == kind(file) and file.read_text() == "{}"
    file.unlink()
    file.parent.rmdir()
    assert pickle.loads(frozen[tmp_path])[0] == kind(tmp_path) and file.read_text() == "{}"


def test_nothing_else_is_kept_or_touched(tmp_path: Path) -> None:
    own = Path(__file__)
    assert pickle.loads(reviving.dumps([own, str(own), "plain"])) == [own, str(own), "plain"]
    assert len(reviving.dumps([own])) < 500
    reviving.put_back(str(own), None)
    assert own.exists()
    (tmp_path / "large").write_bytes(b"x" * 2 * reviving.MAX_BYTES)
    assert again(tmp_path / "large") == tmp_path / "large" and (tmp_path / "large").stat().st_size > 9000
    (tmp_path / "link").symlink_to(own)
    reviving.put_back(str(tmp_path / "link"), b"")
    assert own.read_text()

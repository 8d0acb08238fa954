"""The state of audits: what it keeps, whom it lets in, and what it does with a file that is not in order."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
import sample_reviews as samples

from bot.audit_state import Kept, State, Under
from bot.domain import Review
from bot.errors import UsageError

FIRST, SECOND = Under("2026-01-01T00:00:00+00:00", "one", "g1"), Under("2026-01-02T00:00:00+00:00", "two", "g2")
NAME = samples.FINDING.function.id


def kept(at: str = FIRST.at, *, found: bool = True) -> Kept:
    return Kept("key", "file", ("tests/test_cart.py::test_total",), at, 1.5, 7, 3, found)


def finding() -> Review:
    return replace(samples.FOUND, findings=(samples.WITH_REWRITE,))


def nothing() -> Review:
    return samples.CLEAN


def test_a_result_comes_back_as_it_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "audit.sqlite"
    with State.open(path) as state:
        state.begin(FIRST)
        state.keep(FIRST, [(NAME, kept(), finding())])
    with State.open(path) as state:
        assert state.functions() == {NAME: kept()}
        result = state.result(NAME)
        assert result is not None
        assert [item.finding for item in result.findings] == [samples.FINDING]
        assert state.since() == {samples.FINDING.id: FIRST.at}
        assert state.history() == {NAME: 1}
        assert state.result("nobody") is None
    assert sorted(p.name for p in path.parent.iterdir()) == ["audit.sqlite"], "one file is carried"


def test_a_finding_is_fixed_when_its_function_no_longer_shows_it_and_new_when_it_returns(tmp_path: Path) -> None:
    with State.open(tmp_path / "s") as state:
        state.begin(FIRST)
        state.keep(FIRST, [(NAME, kept(), finding())])
        state.end(FIRST, (), whole=True)
        state.begin(SECOND)
        fixed = state.keep(SECOND, [(NAME, kept(SECOND.at, found=False), nothing())])
        assert [(row.id, row.since, row.fixed) for row in fixed] == [(samples.FINDING.id, FIRST.at, SECOND.at)]
        assert state.fixed(SECOND) == fixed
        assert state.fixed(FIRST) == ()
        assert state.since() == {}
        assert state.previous(SECOND) == FIRST.at
        third = Under("2026-01-03T00:00:00+00:00", "three", "g3")
        state.end(SECOND, (), whole=True)
        state.begin(third)
        state.keep(third, [(NAME, kept(third.at), finding())])
        assert state.since() == {samples.FINDING.id: third.at}
        assert state.fixed(SECOND) == ()
        state.keep(third, [(NAME, kept(third.at), finding())])
        assert state.history() == {NAME: 1}, "the same finding is counted once"


def test_functions_that_are_gone_take_their_findings_along(tmp_path: Path) -> None:
    with State.open(tmp_path / "s") as state:
        state.begin(FIRST)
        state.keep(FIRST, [(NAME, kept(), finding())])
        assert [row.id for row in state.forget(FIRST, [NAME])] == [samples.FINDING.id]
        assert state.functions() == {}


def test_an_interrupted_audit_goes_on_on_the_same_ground_alone(tmp_path: Path) -> None:
    again = replace(FIRST, at="2026-02-01T00:00:00+00:00", id="again")
    with State.open(tmp_path / "s") as state:
        assert state.begin(FIRST) == FIRST
        state.saw("g1", "seen")
        assert state.begin(again) == FIRST
        assert state.seen("g1") == "seen"
        assert state.begin(SECOND) == SECOND, "another tree is another audit"
        assert state.seen("g1") is None
        assert not state.finished("g2")
        state.end(SECOND, (), whole=True)
        assert state.finished("g2")
        later = replace(SECOND, at="2026-02-02T00:00:00+00:00", id="later")
        assert state.begin(later) == later, "what ended is not gone on with"


def test_who_waits_keeps_its_place_until_its_turn(tmp_path: Path) -> None:
    with State.open(tmp_path / "s") as state:
        state.begin(FIRST)
        state.end(FIRST, ["a", NAME], whole=False)
        state.begin(SECOND)
        state.end(SECOND, ["a", "b", NAME], whole=False)
        assert state.waiting() == {"a": FIRST.at, "b": SECOND.at, NAME: FIRST.at}
        state.keep(SECOND, [(NAME, kept(), nothing())])
        state.end(SECOND, ["b"], whole=False)
        assert state.waiting() == {"b": SECOND.at}
        assert not state.finished("g2")


def refused(path: Path) -> UsageError:
    """The error of opening a file, which has to stay as it is."""
    before = path.read_bytes()
    with pytest.raises(UsageError) as caught:
        State.open(path)
    assert path.read_bytes() == before
    return caught.value


def test_a_damaged_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_bytes(b"this is no database, and was one yesterday" * 100)
    assert refused(path).slug == "state-invalid"


def test_a_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with State.open(path) as state:
        state.begin(FIRST)
        state.keep(FIRST, [(NAME, kept(), finding())])
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert refused(path).slug == "state-invalid"


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE notes (text)")
    base.commit()
    base.close()
    assert refused(path).slug == "state-foreign"


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    State.open(path).close()
    base = sqlite3.connect(path)
    base.execute("PRAGMA user_version = 99")
    base.close()
    error = refused(path)
    assert (error.slug, "version 99" in error.message) == ("state-version", True)


def test_two_at_once_is_one_too_many(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with State.open(path), pytest.raises(UsageError) as caught:
        State.open(path)
    assert caught.value.slug == "state-locked"
    State.open(path).close()


def test_a_result_that_was_changed_by_hand_is_none(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with State.open(path) as state:
        state.begin(FIRST)
        state.keep(FIRST, [(NAME, kept(), finding())])
    base = sqlite3.connect(path)
    base.execute("UPDATE functions SET result = x'00'")
    base.commit()
    base.close()
    with State.open(path) as state:
        assert state.result(NAME) is None

import sqlite3

from notes.tags import add_note, notes_with_tags, setup


def test_tags():
    db = sqlite3.connect(":memory:")
    setup(db)
    add_note(db, "b", "ada", ["x", "y"])
    add_note(db, "a", "ada", ["y"])
    add_note(db, "c", "ada", ["it's"])
    assert notes_with_tags(db, "ada", ["y", "y", "x"]) == ["a", "b"]
    assert notes_with_tags(db, "ada", {"z"}) == []
    assert notes_with_tags(db, "ada", ["it's"]) == ["c"]

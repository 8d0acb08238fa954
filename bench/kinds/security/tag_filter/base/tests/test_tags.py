import sqlite3

from notes.tags import add_note, notes_with_tags, setup


def test_finds_notes_of_the_owner():
    db = sqlite3.connect(":memory:")
    setup(db)
    add_note(db, "groceries", "ada", ["home", "food"])
    add_note(db, "taxes", "ada", ["money"])
    add_note(db, "diary", "bob", ["home"])
    assert notes_with_tags(db, "ada", ["home", "money"]) == ["groceries", "taxes"]
    assert notes_with_tags(db, "ada", []) == []

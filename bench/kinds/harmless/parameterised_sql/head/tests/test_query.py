import sqlite3

from tickets.query import SCHEMA, find


def test_find():
    db = sqlite3.connect(":memory:")
    db.execute(SCHEMA)
    db.execute("INSERT INTO ticket (title, state, assignee) VALUES ('a', 'open', 'x'), ('b', 'done', 'y')")
    assert find(db) == ["a"] and find(db, "done") == ["b"]
    assert find(db, assignee="x") == ["a"] and find(db, assignee="it's") == []

import sqlite3

from prices.update import SCHEMA, add


def test_add():
    db = sqlite3.connect(":memory:")
    db.execute(SCHEMA)
    add(db, "a", "2024-01-01", 5)
    assert db.execute("SELECT * FROM price").fetchall() == [("a", "2024-01-01", 5)]

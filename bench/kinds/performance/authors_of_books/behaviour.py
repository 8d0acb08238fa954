import sqlite3

from library.query import SCHEMA, books_with_authors


def test_empty_and_limits():
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    assert books_with_authors(db) == []
    db.execute("INSERT INTO author VALUES (1, 'A')")
    db.execute("INSERT INTO book (title, author) VALUES ('x', 1), ('x', 1), ('w', NULL)")
    assert books_with_authors(db) == [("x", "A"), ("x", "A")]
    assert books_with_authors(db, 0) == []

import sqlite3

from library.query import SCHEMA, books_with_authors


def test_books():
    db = sqlite3.connect(":memory:")
    db.executescript(SCHEMA)
    db.execute("INSERT INTO author VALUES (1, 'Le Guin'), (2, 'Lem')")
    db.execute("INSERT INTO book (title, author) VALUES ('Solaris', 2), ('Lost', 9), ('Lathe', 1)")
    assert books_with_authors(db) == [("Lathe", "Le Guin"), ("Solaris", "Lem")]
    assert books_with_authors(db, 1) == [("Lathe", "Le Guin")]

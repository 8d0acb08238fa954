"""Books and authors in a database."""

SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT, author INTEGER);
"""


def books_with_authors(db, limit=1000):
    """(title, author's name) in order of title; books without a known author are left out."""
    found = []
    for title, author in db.execute("SELECT title, author FROM book ORDER BY title").fetchall():
        row = db.execute("SELECT name FROM author WHERE id = ?", (author,)).fetchone()
        if row is not None and len(found) < limit:
            found.append((title, row[0]))
    return found

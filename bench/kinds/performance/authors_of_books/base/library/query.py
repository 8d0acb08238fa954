"""Books and authors in a database."""

SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT, author INTEGER);
"""


def books_with_authors(db, limit=1000):
    """(title, author's name) in order of title; books without a known author are left out."""
    rows = db.execute(
        "SELECT book.title, author.name FROM book JOIN author ON author.id = book.author "
        "ORDER BY book.title LIMIT ?",
        (limit,),
    )
    return rows.fetchall()

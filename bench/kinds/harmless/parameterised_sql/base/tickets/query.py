"""Tickets in a database."""

SCHEMA = "CREATE TABLE ticket (id INTEGER PRIMARY KEY, title TEXT, state TEXT, assignee TEXT)"


def find(db, state="open"):
    """Titles of tickets in a state."""
    rows = db.execute("SELECT title FROM ticket WHERE state = ? ORDER BY id", (state,))
    return [title for (title,) in rows]

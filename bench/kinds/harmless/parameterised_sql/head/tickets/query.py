"""Tickets in a database."""

SCHEMA = "CREATE TABLE ticket (id INTEGER PRIMARY KEY, title TEXT, state TEXT, assignee TEXT)"


def find(db, state="open", assignee=None):
    """Titles of tickets in a state, of one person if it is given."""
    sql = "SELECT title FROM ticket WHERE state = ?"
    values = [state]
    if assignee is not None:
        sql += " AND assignee = ?"
        values.append(assignee)
    rows = db.execute(f"{sql} ORDER BY id", values)
    return [title for (title,) in rows]

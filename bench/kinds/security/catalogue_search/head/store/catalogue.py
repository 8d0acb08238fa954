"""Products and how customers find them."""

import sqlite3


class Catalogue:
    """Products in a database; drafts are not for customers."""

    def __init__(self, connection=None):
        self.db = connection or sqlite3.connect(":memory:")
        self.db.execute("CREATE TABLE IF NOT EXISTS product (id INTEGER PRIMARY KEY, name TEXT, cents INT, draft INT)")

    def add(self, name, cents, draft=False):
        cursor = self.db.execute(
            "INSERT INTO product (name, cents, draft) VALUES (?, ?, ?)", (name, cents, int(draft))
        )
        return cursor.lastrowid

    def search(self, term, cheapest_first=False):
        """Names and prices of public products whose name contains a term."""
        order = "cents" if cheapest_first else "name"
        query = f"SELECT name, cents FROM product WHERE draft = 0 AND name LIKE '%{term}%' ORDER BY {order}"
        rows = self.db.execute(query)
        return [(name, cents) for name, cents in rows]

    def count(self):
        return self.db.execute("SELECT COUNT(*) FROM product").fetchone()[0]

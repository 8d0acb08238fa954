"""Prices with the day from which they count."""

SCHEMA = "CREATE TABLE price (sku TEXT, day TEXT, cents INTEGER)"


def add(db, sku, day, cents):
    db.execute("INSERT INTO price VALUES (?, ?, ?)", (sku, day, cents))

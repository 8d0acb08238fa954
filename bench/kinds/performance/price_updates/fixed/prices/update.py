"""Prices with the day from which they count."""

SCHEMA = "CREATE TABLE price (sku TEXT, day TEXT, cents INTEGER)"


def current_prices(db, day):
    """Article -> its latest price up to a day."""
    rows = db.execute("SELECT sku, cents FROM price WHERE day <= ? ORDER BY sku, day", (day,))
    return {sku: cents for sku, cents in rows}


def add(db, sku, day, cents):
    db.execute("INSERT INTO price VALUES (?, ?, ?)", (sku, day, cents))

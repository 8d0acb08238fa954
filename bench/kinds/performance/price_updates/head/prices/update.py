"""Prices with the day from which they count."""

SCHEMA = "CREATE TABLE price (sku TEXT, day TEXT, cents INTEGER)"


def current_prices(db, day):
    """Article -> its latest price up to a day."""
    prices = {}
    for (sku,) in db.execute("SELECT DISTINCT sku FROM price WHERE day <= ? ORDER BY sku", (day,)).fetchall():
        row = db.execute(
            "SELECT cents FROM price WHERE sku = ? AND day <= ? ORDER BY day DESC LIMIT 1", (sku, day)
        ).fetchone()
        prices[sku] = row[0]
    return prices


def add(db, sku, day, cents):
    db.execute("INSERT INTO price VALUES (?, ?, ?)", (sku, day, cents))

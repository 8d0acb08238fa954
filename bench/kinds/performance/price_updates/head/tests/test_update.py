import sqlite3

from prices.update import SCHEMA, add, current_prices


def test_latest_price():
    db = sqlite3.connect(":memory:")
    db.execute(SCHEMA)
    for sku, day, cents in (("b", "2024-02-01", 7), ("a", "2024-01-01", 5), ("b", "2024-01-01", 6), ("c", "2025-01-01", 1)):
        add(db, sku, day, cents)
    assert current_prices(db, "2024-03-01") == {"a": 5, "b": 7}
    assert current_prices(db, "2024-01-15") == {"a": 5, "b": 6}

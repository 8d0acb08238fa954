import sqlite3

from prices.update import SCHEMA, add, current_prices


def test_none_and_order():
    db = sqlite3.connect(":memory:")
    db.execute(SCHEMA)
    assert current_prices(db, "2024-01-01") == {}
    add(db, "z", "2024-01-01", 1)
    add(db, "a", "2024-01-01", 2)
    assert list(current_prices(db, "2024-01-01").items()) == [("a", 2), ("z", 1)]

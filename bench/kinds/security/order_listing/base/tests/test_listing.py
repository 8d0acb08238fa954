import sqlite3

from orders.listing import create, place


def test_orders_are_kept():
    db = sqlite3.connect(":memory:")
    create(db)
    place(db, "ada", "2024-01-02", 500)
    assert db.execute("SELECT COUNT(*) FROM orders").fetchone() == (1,)

import sqlite3

from orders.listing import create, list_orders, place


def filled():
    db = sqlite3.connect(":memory:")
    create(db)
    place(db, "ada", "2024-01-02", 900)
    place(db, "ada", "2024-03-01", 500)
    place(db, "bob", "2024-02-01", 100)
    return db


def test_orders_are_kept():
    assert filled().execute("SELECT COUNT(*) FROM orders").fetchone() == (3,)


def test_sorts_by_date():
    assert [row["id"] for row in list_orders(filled(), "ada")] == [1, 2]
    assert [row["id"] for row in list_orders(filled(), "ada", descending=True)] == [2, 1]


def test_sorts_by_price():
    assert [row["cents"] for row in list_orders(filled(), "ada", sort="cents")] == [500, 900]

import sqlite3

from orders.listing import create, list_orders, place


def test_rows():
    db = sqlite3.connect(":memory:")
    create(db)
    place(db, "ada", "2024-01-02", 900)
    place(db, "o'neil", "2024-01-01", 1)
    assert list_orders(db, "ada", "id") == [{"id": 1, "placed": "2024-01-02", "cents": 900}]
    assert list_orders(db, "o'neil", "cents", True) == [{"id": 2, "placed": "2024-01-01", "cents": 1}]
    assert list_orders(db, "nobody") == []

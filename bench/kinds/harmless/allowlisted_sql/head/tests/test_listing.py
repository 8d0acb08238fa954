import sqlite3

import pytest

from staff.listing import listing


def db():
    made = sqlite3.connect(":memory:")
    made.execute("CREATE TABLE staff (name TEXT, town TEXT)")
    made.execute("INSERT INTO staff VALUES ('b', 'x'), ('a', 'y')")
    return made


def test_listing():
    assert listing(db()) == ["a", "b"] and listing(db(), "town") == ["b", "a"]
    with pytest.raises(ValueError):
        listing(db(), "salary")

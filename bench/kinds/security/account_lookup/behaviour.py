import sqlite3

from accounts.repository import SCHEMA, Account, find_account


def test_logins_with_quotes_and_states():
    db = sqlite3.connect(":memory:")
    db.execute(SCHEMA)
    db.execute("INSERT INTO account (login, role, active) VALUES (?, 'user', 1), ('old', 'user', 0)", ("bob",))
    assert find_account(db.cursor(), "BOB") == Account(1, "bob", "user")
    assert find_account(db.cursor(), "old") is None
    assert find_account(db.cursor(), "old", False) == Account(2, "old", "user")

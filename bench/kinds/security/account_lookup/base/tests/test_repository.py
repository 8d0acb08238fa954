import sqlite3

import pytest

from accounts.repository import SCHEMA, Account, deactivate, find_account


@pytest.fixture
def cursor():
    db = sqlite3.connect(":memory:")
    db.execute(SCHEMA)
    db.execute("INSERT INTO account (login, role) VALUES ('ada', 'admin'), ('bob', 'user')")
    return db.cursor()


def test_finds_whatever_the_case(cursor):
    assert find_account(cursor, " Ada ") == Account(1, "ada", "admin")
    assert find_account(cursor, "eve") is None
    assert find_account(cursor, "  ") is None


def test_deactivated(cursor):
    deactivate(cursor, find_account(cursor, "bob"))
    assert find_account(cursor, "bob") is None
    assert find_account(cursor, "bob", active=False) == Account(2, "bob", "user")

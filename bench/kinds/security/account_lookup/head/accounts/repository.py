"""Accounts, as rows of a table."""

from typing import NamedTuple, Optional


class Account(NamedTuple):
    id: int
    login: str
    role: str


SCHEMA = "CREATE TABLE account (id INTEGER PRIMARY KEY, login TEXT UNIQUE, role TEXT, active INTEGER DEFAULT 1)"


def find_account(cursor, login: str, active: bool = True) -> Optional[Account]:
    """The account with this login, if there is one in that state."""
    login = login.strip().lower()
    if not login:
        return None
    cursor.execute(
        "SELECT id, login, role FROM account WHERE login = '%s' AND active = %d" % (login, active)
    )
    row = cursor.fetchone()
    return Account(*row) if row else None


def deactivate(cursor, account: Account) -> None:
    cursor.execute("UPDATE account SET active = 0 WHERE id = ?", (account.id,))

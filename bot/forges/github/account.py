"""Who we are on GitHub: the login that the token writes as, configured, asked for, or learned from an answer."""

from __future__ import annotations

from bot.errors import ForgeError
from bot.forges.github.client import Answered, Call, Client
from bot.forges.github.shapes import User

ACTIONS = "github-actions[bot]"
"""The account behind the token of a workflow."""


class Account:
    """The account of one token. `configured` is its login where somebody has said it."""

    mistaken = False
    """Whether the login was configured or assumed, and what we created was written by another."""

    def __init__(self, client: Client, configured: str | None) -> None:
        self._client = client
        self.configured = configured
        self._login = configured or ""
        self._assumed = False

    @property
    def login(self) -> str:
        """Configured, asked for, or that of a workflow's token, which may not ask. Raises ForgeError."""
        if not self._login:
            try:
                call = Call("ask whose token this is", "metadata: read", "GET", "/user")
                self._login = self._client.read(call, User).login
            except ForgeError as error:
                # A token of an app, a workflow's among them, gets 403, and nothing else says so.
                if not isinstance(error, Answered) or error.status != 403:
                    raise
                self._login, self._assumed = ACTIONS, True
        return self._login

    def learn(self, author: User | None) -> None:
        """What we have just created tells who we are, whatever was assumed."""
        if author is not None:
            expected = self.configured or (ACTIONS if self._assumed else "")
            self.mistaken = bool(expected) and author.login.lower() != expected.lower()
            self._login = author.login

    def is_ours(self, author: User | None) -> bool:
        """Whether something that this account wrote is ours."""
        return author is not None and author.login.lower() == self.login.lower()

"""Tokens with which people set a new password."""

import secrets
import time

ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"


def new_token(length=24):
    """A token that nobody can guess, easy to read out."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


class Resets:
    """Tokens that are open, with the time of their end."""

    def __init__(self, seconds=3600, clock=time.time):
        self.seconds, self.clock, self.open = seconds, clock, {}

    def start(self, user):
        token = new_token()
        self.open[token] = (user, self.clock() + self.seconds)
        return token

    def finish(self, token):
        user, until = self.open.pop(token, (None, 0))
        return user if self.clock() < until else None

"""Something is created once, also where an answer is lost: whoever does not know looks before trying again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bot.errors import ForgeError
from bot.forges.http import Asker, Call

ATTEMPTS = 3
"""How often something is created that turns out not to be there after a failure."""
LOOKS = (2.0, 5.0)
"""Seconds to wait before each look for what may have been created: a platform may be slow to show it."""
T = TypeVar("T")


def created(client: Asker, call: Call, shape: type[T], look: Callable[[], T | None]) -> T:
    """What `call` (with `again=False`) creates; where its answer is lost, what `look` finds. Raises ForgeError."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return client.write(call, shape)
        except ForgeError as error:
            if not error.sent:
                raise
            found = after(client, error, look, lambda seen: seen is not None)
            if found is not None:
                return found
            if attempt == ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def after(client: Asker, error: ForgeError, look: Callable[[], T], enough: Callable[[T], bool]) -> T:
    """What is there after a failure that left open whether something was created; looks more than once.

    Raises `error` where it cannot look.
    """
    for at, wait in enumerate(LOOKS, 1):
        client.sleep(wait)
        try:
            found = look()
        except ForgeError:
            raise error from None
        if enough(found) or at == len(LOOKS):
            return found
    raise error

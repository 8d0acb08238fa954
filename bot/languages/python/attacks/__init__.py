"""Exploits as test modules: payloads for each weakness that the text of a function gives a reason for."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain import Call, Function
from bot.kinds import Attack
from bot.languages import Files


def attacks(function: Function, text: str, files: Files, calls: Sequence[Call]) -> tuple[Attack, ...]:
    """See `Language.attacks`."""
    del function, text, files, calls
    return ()

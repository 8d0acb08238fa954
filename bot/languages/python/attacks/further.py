"""The families beside the injections: files, requests, markup, patterns, secrets, transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import archives, paths, servers, transport
from bot.languages.python.attacks.subject import Subject

FURTHER: tuple[Callable[[Subject], Iterator[Attack]], ...] = (
    paths.paths,
    archives.archives,
    servers.foreign_hosts,
    transport.transport,
)
"""Every family of this part."""

"""The families beside the injections: files, requests, markup, patterns, secrets, transport."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import (
    archives,
    bombs,
    credentials,
    directories,
    files,
    pages,
    paths,
    regexes,
    servers,
    transport,
)
from bot.languages.python.attacks.subject import Subject

FURTHER: tuple[Callable[[Subject], Iterator[Attack]], ...] = (
    paths.paths,
    regexes.regexes,
    archives.archives,
    bombs.bombs,
    directories.directories,
    servers.foreign_hosts,
    transport.transport,
    pages.pages,
    pages.redirects,
    pages.headers,
    credentials.predictable,
    credentials.digests,
    credentials.comparisons,
    credentials.tokens,
    files.temporary,
    files.permissions,
    files.secret_files,
    files.log_lines,
)
"""Every family of this part."""

"""The seam to whatever runs repository code: an image is prepared, a sandbox is opened, jobs are asked of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.domain import Image, Limits, Recipe
from bot.progress import Progress

Job = Mapping[str, Any]
"""A request to the agent inside, as JSON; `bot/wire.py` makes them."""
Reply = Mapping[str, Any]
"""The agent's answer: untrusted JSON; `bot/wire.py` reads it."""


@dataclass(frozen=True)
class Diagnosis:
    """One line of `tryline doctor`."""

    name: str
    ok: bool
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Contents:
    """The files that a sandbox is opened with: an archive, and what is laid over it.

    Sandboxes of one revision share the archive, so that one may be filled with it before it is known what for.
    """

    tar: bytes
    over: Mapping[str, bytes] = field(default_factory=dict)
    """Regular files added or replaced: path -> content."""

    def over_tar(self) -> bytes:
        """What is laid over it, as a tar archive."""
        buffer = io.BytesIO()
        with tarfile.open(
            fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape"
        ) as archive:
            for path, data in sorted(self.over.items()):
                info = tarfile.TarInfo(path)
                info.size, info.mode = len(data), 0o644
                archive.addfile(info, io.BytesIO(data))
        return buffer.getvalue()


class Sandbox(Protocol):
    """One throwaway container with the repository's files in it. Raises SandboxError when it breaks."""

    def ask(self, job: Job, *, seconds: float) -> Reply:
        """Sends one job and waits for its reply, at most `seconds` (wall)."""

    def ask_many(self, jobs: Iterable[Job], *, seconds: float) -> Generator[tuple[int, Reply], None, None]:
        """Sends several jobs, runs them side by side, yields (index, reply) as they end.

        At most `seconds` (wall) pass without any. Closing it early ends what runs and is not wanted any more.
        """


class Backend(Protocol):
    """An engine that can prepare images and open sandboxes."""

    name: str
    containers: int
    """How many sandboxes were opened so far."""

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """What works here and what is missing, with the way to get it. Never raises."""

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        """The image for a recipe, from the cache where its key is known.

        `tree` gives the repository's files as a tar archive when they are needed. A failed installation is
        an Image with a `problem`; an engine that does not work raises SandboxError.
        """

    def open(self, image: Image, tree: Contents, limits: Limits) -> AbstractContextManager[Sandbox]:
        """A container with the files of `tree` that nobody has used, removed on leaving the context.

        It may have been started ahead. Who holds as many as the machine carries keeps others waiting.
        """

    def describe(self) -> Mapping[str, str]:
        """Engine, version and isolation in words, for the report."""

    def clean(self) -> int:
        """Removes what earlier, dead runs left behind; returns how many things."""

    def close(self) -> None:
        """Ends what was started ahead and is not used; sandboxes that are open stay. May be called twice."""

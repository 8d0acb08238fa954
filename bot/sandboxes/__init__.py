"""The seam to whatever runs repository code: an image is prepared, a sandbox is opened, jobs are asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
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


class Sandbox(Protocol):
    """One throwaway container with the repository's files in it. Raises SandboxError when it breaks."""

    def ask(self, job: Job, *, seconds: float) -> Reply:
        """Sends one job and waits for its reply, at most `seconds` (wall)."""

    def ask_many(self, jobs: Iterable[Job], *, seconds: float) -> Iterator[tuple[int, Reply]]:
        """Sends several jobs, runs them side by side, yields (index, reply) as they end."""


class Backend(Protocol):
    """An engine that can prepare images and open sandboxes."""

    name: str
    containers: int
    """How many containers were started so far."""

    def diagnose(self) -> tuple[Diagnosis, ...]:
        """What works here and what is missing, with the way to get it. Never raises."""

    def prepare(self, recipe: Recipe, tree: Callable[[], bytes], progress: Progress) -> Image:
        """The image for a recipe, from the cache where its key is known.

        `tree` gives the repository's files as a tar archive when they are needed. A failed installation is
        an Image with a `problem`; an engine that does not work raises SandboxError.
        """

    def open(self, image: Image, tree: bytes, limits: Limits) -> AbstractContextManager[Sandbox]:
        """A fresh container with the files of `tree` (a tar archive), removed on leaving the context."""

    def describe(self) -> Mapping[str, str]:
        """Engine, version and isolation in words, for the report."""

    def clean(self) -> int:
        """Removes what earlier, dead runs left behind; returns how many things."""

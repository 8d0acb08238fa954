"""Which tasks are to be begun, where, and when one is given up: the same for every executor."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from bot.executors import Done, Task

FAILURES = 2
"""Attempts that may fail: what went wrong may have been the place, or the moment."""
LOSSES = 3
"""Attempts in which whoever did it may be lost."""


@dataclass(eq=False)
class Attempt:
    """One task, with what became of it so far."""

    task: Task
    failures: int = 0
    losses: int = 0
    number: int = 0
    """Of the attempt under way, from 1."""
    places: list[str] = field(default_factory=list)
    """Where it failed or was lost."""

    @property
    def suspect(self) -> bool:
        """Whether it may have ended its worker: it is begun again where nothing else runs."""
        return self.losses > 0

    def avoids(self, place: str, others: Collection[str]) -> bool:
        """Whether it went wrong there, and could be tried elsewhere."""
        return place in self.places and any(other not in self.places for other in others)


class Agenda:
    """Every task from its beginning to its one `Done`. For one thread."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        """Raises ValueError for two tasks of one key."""
        if len({task.key for task in tasks}) != len(tasks):
            raise ValueError("two tasks have one key")
        self._fresh = deque(Attempt(task) for task in tasks)
        self._again: list[Attempt] = []
        self._begun: set[Attempt] = set()

    @property
    def open(self) -> bool:
        """Whether anything is not done."""
        return bool(self._fresh or self._again or self._begun)

    @property
    def waiting(self) -> bool:
        """Whether anything could be begun."""
        return bool(self._fresh or self._again)

    def awaits(self, place: str, others: Collection[str]) -> bool:
        """Whether a task waits until nothing else runs there."""
        return any(attempt.suspect and not attempt.avoids(place, others) for attempt in self._again)

    def begin(
        self, place: str, *, idle: bool = True, others: Collection[str] = (), fresh: bool = True
    ) -> Attempt | None:
        """What to begin there next; None for nothing.

        `idle`: nothing runs there. `others`: all places that there are; what went wrong here is tried elsewhere
        first.
        `fresh`: whether tasks that were never begun may be.
        """
        for attempt in self._again:
            if attempt.avoids(place, others) or (attempt.suspect and not idle):
                continue
            self._again.remove(attempt)
            return self._started(attempt)
        return self._started(self._fresh.popleft()) if fresh and self._fresh else None

    def done(self, attempt: Attempt, result: bytes, worker: str, seconds: float) -> Done:
        """It has a result."""
        self._begun.remove(attempt)
        return Done(attempt.task, result, "", worker, seconds, attempt.number)

    def failed(self, attempt: Attempt, place: str, problem: str, worker: str, seconds: float = 0.0) -> Done | None:
        """It raised; what that makes of the task, if it is given up now."""
        attempt.failures += 1
        return self._gone(attempt, place, problem, worker, seconds, attempt.failures >= FAILURES)

    def lost(self, attempt: Attempt, place: str, how: str, worker: str, *, most: int = LOSSES) -> Done | None:
        """Whoever did it is gone; what that makes of the task, if it is given up now."""
        attempt.losses += 1
        return self._gone(attempt, place, how, worker, 0.0, attempt.losses >= most)

    def unbegun(self, attempt: Attempt) -> None:
        """It was never really begun there: no attempt is counted."""
        self._begun.remove(attempt)
        attempt.number -= 1
        self._again.append(attempt)

    def _started(self, attempt: Attempt) -> Attempt:
        attempt.number += 1
        self._begun.add(attempt)
        return attempt

    def _gone(
        self, attempt: Attempt, place: str, problem: str, worker: str, seconds: float, given_up: bool
    ) -> Done | None:
        self._begun.remove(attempt)
        attempt.places.append(place)
        if given_up:
            return Done(attempt.task, b"", problem, worker, seconds, attempt.number)
        self._again.append(attempt)
        return None

"""The seam to where tasks of an audit run: in this process (`local`), or on a cluster (`cluster`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Task:
    """One piece of work: some functions of one file."""

    key: str
    """Unique in one run: a result is never counted twice."""
    payload: bytes


@dataclass(frozen=True)
class Done:
    """What became of a task."""

    task: Task
    result: bytes = b""
    problem: str = ""
    """Why there is no result, after all attempts, on one line; empty where there is one."""
    worker: str = ""
    """Who did it, for people; never an address."""
    seconds: float = 0.0
    """Of the last attempt."""
    attempts: int = 1


Ask = Callable[[bytes], bytes]
"""Puts a question of a running task to the process that holds the secrets, and waits for its answer. May be called
from several threads. Raises ExecutorError (`cluster-asked`) where nobody answers."""

Work = Callable[[bytes, bytes, Ask], bytes]
"""(what all tasks share, one task's payload, whom to ask) -> its result. A function of a module, so that it can be
named to another process; it gets no environment of ours but what these bytes hold.

It runs in the main thread of a process of its own, which does one task after another: what is dear to make can be
kept in the module. KeyboardInterrupt in it says that nobody wants its result any more; a few seconds are left to
clean up."""


class Executor(Protocol):
    """Runs tasks, several at a time. One of its kind may be lost in the middle; its tasks are begun again
    elsewhere."""

    name: str

    @property
    def width(self) -> int:
        """How many tasks run at a time, as far as is known."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What went wrong on the way and did not stop it, in words for the report: workers that were left out."""

    def results(self, work: Work, shared: bytes, tasks: Sequence[Task], answer: Ask) -> Iterator[Done]:
        """Every task once, in the order in which they end, begun in the order given. `answer` answers what tasks
        ask, here, where the secrets are; it may be called from several threads.

        New tasks are begun while the iteration goes on: whoever takes long over a result lets workers wait.
        Leaving the iteration early ends what runs. Raises ExecutorError where no task can be run at all,
        ValueError for two tasks of one key or for work that cannot be named.
        """

    def close(self) -> None:
        """Lets go of what it holds. What runs is ended."""

"""The process that does tasks, one after another: `python -m bot.executors.child`, frames on stdin and stdout."""

from __future__ import annotations

import importlib
import itertools
import os
import queue
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from bot.errors import ExecutorError, TrylineError
from bot.executors import Work
from bot.executors.frames import Frame, Kind, read, write
from bot.render import one_line

CLEANING = 10.0
"""Seconds between the end of our input and our own end, whatever is still being cleaned up."""
INTERRUPTED = 130


@dataclass
class _Question:
    """One that a task has asked."""

    answered: threading.Event = field(default_factory=threading.Event)
    answer: bytes | None = None
    refusal: str = ""


class Child:
    """Both pipes, and what is under way on them."""

    def __init__(self, given: BinaryIO, told: BinaryIO) -> None:
        self._given = given
        self._told = told
        self._telling = threading.Lock()
        self._numbers = itertools.count(1)
        self._open: dict[int, _Question] = {}
        self._ended = False
        self._ending = threading.Lock()
        self._todo: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def go(self) -> None:
        """Does tasks until it is interrupted, which the end of the input does."""
        named, shared = read(self._given), read(self._given)
        if named is None or shared is None:
            return
        # Only then: what is imported may take long, and nothing is lost by an input that ends meanwhile.
        threading.Thread(target=self._listen, name="given", daemon=True).start()
        work = found(named.data.decode())
        while True:
            payload = self._todo.get()
            self._tell(self._done(work, shared.data, payload))

    def _done(self, work: Work, shared: bytes, payload: bytes) -> Frame:
        try:
            return Frame(Kind.RESULT, data=bytes(work(shared, payload, self.ask)))
        except TrylineError as error:
            return _failure(error.message)
        except (Exception, SystemExit) as error:
            return _failure(f"{type(error).__name__}: {error}")

    def ask(self, question: bytes) -> bytes:
        """Puts a question and waits. Raises ExecutorError."""
        number, asked = next(self._numbers), _Question()
        self._open[number] = asked
        if self._ended:
            asked.answered.set()
        try:
            self._tell(Frame(Kind.QUESTION, number, question))
            asked.answered.wait()
        finally:
            del self._open[number]
        if asked.answer is None:
            raise ExecutorError(
                f"a task's question was not answered: {asked.refusal or 'nobody is there any more'}",
                hint="The process that began the audit may have ended.",
                slug="cluster-asked",
            )
        return asked.answer

    def _tell(self, frame: Frame) -> None:
        with self._telling:
            try:
                write(self._told, frame)
            except OSError:  # nobody listens: the input ends as well
                self._end()

    def _listen(self) -> None:
        while (frame := read(self._given)) is not None:
            if frame.kind is Kind.TASK:
                self._todo.put(frame.data)
            elif (asked := self._open.get(frame.number)) is not None:
                if frame.kind is Kind.ANSWER:
                    asked.answer = frame.data
                else:
                    asked.refusal = frame.data.decode(errors="replace")
                asked.answered.set()
        self._end()
        # Somebody may wait for what never comes, or catch what was meant for us.
        threading.Event().wait(CLEANING)
        os._exit(INTERRUPTED)

    def _end(self) -> None:
        """Nobody wants a result any more: what runs is interrupted as ^C would, once."""
        with self._ending:
            if self._ended:
                return
            self._ended = True
        for asked in list(self._open.values()):
            asked.answered.set()
        os.kill(os.getpid(), signal.SIGINT)


def _failure(text: str) -> Frame:
    return Frame(Kind.FAILURE, data=one_line(text, 500).encode("utf-8", "replace"))


def named(work: Callable[..., object]) -> str:
    """`module:name` of a function, by which another process finds it. Raises ValueError for one without."""
    module, name = work.__module__, work.__qualname__
    if module == "__main__" or "<" in name:
        raise ValueError(f"{name} of {module} cannot be named to another process")
    return f"{module}:{name}"


def found(name: str) -> Work:
    """The function of that name. Raises what its import raises, AttributeError."""
    module, _, path = name.partition(":")
    thing = importlib.import_module(module)
    for part in path.split("."):
        thing = getattr(thing, part)
    work: Work = thing  # type: ignore[assignment]
    return work


def main() -> None:
    """The process: what is printed by anybody goes to stderr, and nobody reads our input but we."""
    given, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    # A process of the background ignores ^C, and so would we: it is how we are ended.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        Child(given, told).go()
    except KeyboardInterrupt:
        # Further ones must not interrupt what `atexit` cleans up.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise SystemExit(INTERRUPTED) from None


if __name__ == "__main__":
    main()

"""A process that does tasks, seen from the one that gives them: begun when it is needed, ended when it is not."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import BinaryIO, cast

from bot.executors.frames import Frame, Kind, read, write
from bot.render import one_line

LEAVING = 12.0
"""Seconds that a process may take to clean up once its input has ended; it takes ten at most by itself."""
MOST_RESULT = 256 << 20
"""Bytes of one task's result."""
_HEARD = 40
"""Lines of its stderr that are kept, to say why it ended."""


class FailedError(Exception):
    """The work raised; the process is fine. The message says what, on one line."""


class LostError(Exception):
    """The process ended in the middle; the message says how, on one line."""


class UnwantedError(Exception):
    """Nobody wants the result any more: the process was ended."""


Pipes = tuple[BinaryIO, BinaryIO, BinaryIO]
Reply = Callable[[Kind, bytes], None]
"""Gives the answer (`ANSWER`) or the reason for none (`REFUSAL`); from any thread, once; never raises."""
Forward = Callable[[bytes, Reply], None]
"""Takes a question of a running task on, and must not block."""


class Process:
    """One process for one work and what its tasks share."""

    def __init__(self, work: str, shared: bytes, environ: Mapping[str, str]) -> None:
        self._work = work
        self._shared = shared
        self._environ = dict(environ)
        self._process: subprocess.Popen[bytes] | None = None
        self._given: BinaryIO | None = None
        self._writing = threading.Lock()
        self._changing = threading.Lock()
        self._inbox: queue.SimpleQueue[Frame | None] = queue.SimpleQueue()
        self._heard: deque[str] = deque(maxlen=_HEARD)
        self._ended = False

    def run(
        self,
        payload: bytes,
        forward: Forward,
        wanted: Callable[[], bool] = lambda: True,
        tick: float | None = None,
    ) -> bytes:
        """The result of one task. `wanted` is asked every `tick` seconds.

        Raises FailedError, LostError, UnwantedError.
        """
        try:
            self._begin()
            self._send(Frame(Kind.TASK, data=payload))
            return self._listen(forward, wanted, tick)
        except OSError as error:
            raise LostError(self._why() or one_line(error)) from None

    def _listen(self, forward: Forward, wanted: Callable[[], bool], tick: float | None) -> bytes:
        while True:
            try:
                frame = self._inbox.get(timeout=tick)
            except queue.Empty:
                if not wanted():
                    self.end()
                    raise UnwantedError from None
                continue
            if frame is None:
                raise LostError(self._why())
            if frame.kind is Kind.QUESTION:
                forward(frame.data, self._reply(frame.number))
            elif frame.kind is Kind.FAILURE:
                raise FailedError(one_line(frame.data.decode(errors="replace"), 500))
            elif len(frame.data) > MOST_RESULT:
                raise FailedError(f"its result has {len(frame.data):,} bytes, {MOST_RESULT:,} at most are taken")
            else:
                return frame.data

    @property
    def alive(self) -> bool:
        """Whether it can do another task without being begun anew."""
        return self._process is not None and self._process.poll() is None

    def end(self, patience: float = LEAVING) -> None:
        """Ends it: it may clean up, then it and what it started in its own session are killed."""
        self.leave()
        process = self._process
        if process is None:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def leave(self) -> None:
        """Tells it to end, without waiting; nothing is begun any more."""
        with self._changing:
            self._ended = True
        if self._given is None or self._process is None:
            return
        # Whoever writes may be stuck in a pipe that nobody reads yet: it has no work then to clean up after.
        if self._writing.acquire(timeout=1):
            with contextlib.suppress(OSError):
                self._given.close()
            self._writing.release()
        else:
            self._process.kill()

    def _begin(self) -> None:
        """Starts it where it does not run."""
        with self._changing:
            if self._ended:
                raise BrokenPipeError("it was ended")
            if self.alive:
                return
            self._inbox = queue.SimpleQueue()
            self._heard.clear()
            process = subprocess.Popen(
                # Never with the current folder on the path (-P): it may be somebody's repository.
                [sys.executable, "-P", "-m", "bot.executors.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environ,
                start_new_session=True,  # ^C on a terminal is for whoever gives the tasks
            )
            given, told, said = cast("Pipes", (process.stdin, process.stdout, process.stderr))
            self._process, self._given = process, given
        hearing = threading.Thread(target=_hear, args=(said, self._heard), daemon=True)
        hearing.start()
        threading.Thread(target=_receive, args=(told, self._inbox, hearing), daemon=True).start()
        self._send(Frame(Kind.WORK, data=self._work.encode()))
        self._send(Frame(Kind.SHARED, data=self._shared))

    def _send(self, frame: Frame) -> None:
        """Raises OSError."""
        with self._writing:
            if self._given is None or self._given.closed:
                raise BrokenPipeError("it was ended")
            write(self._given, frame)

    def _reply(self, number: int) -> Reply:
        def reply(kind: Kind, data: bytes) -> None:
            with contextlib.suppress(OSError):  # it has ended, and whoever waits for its result is told
                self._send(Frame(kind, number, data))

        return reply

    def _why(self) -> str:
        """How it ended, for people."""
        process = self._process
        if process is None or self._ended:
            return "its process was ended"
        try:
            code = process.wait(5)
        except subprocess.TimeoutExpired:
            self.end(0)
            return "its process closed its output"
        if code < 0:
            with contextlib.suppress(ValueError):
                return f"its process was ended by {signal.Signals(-code).name}"
        last = next((line for line in reversed(self._heard) if line.strip()), "")
        return one_line(f"its process ended with exit code {code}" + (f": {last.strip()}" if last else ""), 500)


def _receive(stream: BinaryIO, inbox: queue.SimpleQueue[Frame | None], hearing: threading.Thread) -> None:
    while (frame := read(stream)) is not None:
        inbox.put(frame)
    hearing.join(1)  # its last words say why
    inbox.put(None)
    stream.close()


def _hear(stream: BinaryIO, heard: deque[str]) -> None:
    while line := stream.readline(4096):
        heard.append(line.decode(errors="replace"))
    stream.close()

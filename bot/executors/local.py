"""Tasks in processes of this machine: several at a time, ended when nobody wants their results."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from bot.errors import TrylineError
from bot.executors import Ask, Done, Task, Work
from bot.executors.agenda import Agenda, Attempt
from bot.executors.child import named
from bot.executors.frames import Kind
from bot.executors.processes import FailedError, Forward, LostError, Process, Reply
from bot.render import one_line

ANSWERING = 64
"""Questions that are answered at a time."""
LOSSES = 2
"""Here nobody but the task itself ends its process, or a machine without memory."""


@dataclass(frozen=True)
class _Ended:
    """An attempt has."""

    slot: int
    attempt: Attempt
    future: Future[bytes]
    seconds: float


class Local:
    """Processes of this machine. They get the variables of `environ`, nothing else."""

    name = "local"

    def __init__(self, workers: int, environ: Mapping[str, str]) -> None:
        self._workers = max(1, workers)
        self._environ = dict(environ)
        self._running: set[Process] = set()

    @property
    def width(self) -> int:
        """As many as there are workers."""
        return self._workers

    @property
    def notes(self) -> tuple[str, ...]:
        """None: workers here are all alike."""
        return ()

    def results(self, work: Work, shared: bytes, tasks: Sequence[Task], answer: Ask) -> Iterator[Done]:
        """As the protocol says."""
        agenda, name = Agenda(tasks), named(work)
        return self._results(agenda, [Process(name, shared, self._environ) for _ in range(self._workers)], answer)

    def _results(self, agenda: Agenda, slots: Sequence[Process], answer: Ask) -> Iterator[Done]:
        forward = answering(answer)
        ended: queue.SimpleQueue[_Ended] = queue.SimpleQueue()
        free = list(range(len(slots)))[::-1]
        self._running.update(slots)
        pool = ThreadPoolExecutor(len(slots), thread_name_prefix="worker")
        try:
            while agenda.open:
                while free and (attempt := agenda.begin("here")) is not None:
                    _submit(pool, slots, free.pop(), attempt, forward, ended)
                one = ended.get()
                free.append(one.slot)
                done = _became(agenda, one)
                if done is not None:
                    yield done
        finally:
            self._end(slots)
            pool.shutdown()

    def _end(self, slots: Sequence[Process]) -> None:
        for process in slots:
            process.leave()
        for process in slots:
            process.end()
            self._running.discard(process)

    def close(self) -> None:
        """Ends what runs."""
        self._end(list(self._running))


def _submit(
    pool: ThreadPoolExecutor,
    slots: Sequence[Process],
    slot: int,
    attempt: Attempt,
    forward: Forward,
    ended: queue.SimpleQueue[_Ended],
) -> None:
    began = time.monotonic()
    future = pool.submit(slots[slot].run, attempt.task.payload, forward)
    future.add_done_callback(lambda future: ended.put(_Ended(slot, attempt, future, time.monotonic() - began)))


def _became(agenda: Agenda, ended: _Ended) -> Done | None:
    worker = f"worker {ended.slot + 1}"
    try:
        return agenda.done(ended.attempt, ended.future.result(), worker, ended.seconds)
    except FailedError as error:
        return agenda.failed(ended.attempt, "here", str(error), worker, ended.seconds)
    except LostError as error:
        return agenda.lost(ended.attempt, "here", str(error), worker, most=LOSSES)


def answering(answer: Ask) -> Forward:
    """Answers questions in threads of their own, so many at a time. They end with this process at the latest: one
    that waits for a model must not keep it from ending."""
    places = threading.BoundedSemaphore(ANSWERING)

    def answered(question: bytes, reply: Reply) -> None:
        with places:
            reply(*spoken(answer, question))

    def forward(question: bytes, reply: Reply) -> None:
        threading.Thread(target=answered, args=(question, reply), name="answer", daemon=True).start()

    return forward


def spoken(answer: Ask, question: bytes) -> tuple[Kind, bytes]:
    """The answer, or why there is none."""
    try:
        return Kind.ANSWER, answer(question)
    except TrylineError as error:
        why = error.message
    except Exception as error:  # a defect of ours must not let a task wait for ever
        why = f"{type(error).__name__}: {error}"
    return Kind.REFUSAL, one_line(why, 500).encode("utf-8", "replace")

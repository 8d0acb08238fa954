"""What runs in a worker of the cluster: a task in a process of its own, its questions passed on, its end seen to.

The coordinator names these functions to Dask; whoever may name functions to a worker may run anything there, which
is Dask's model and not ours to mend (docs/audit.md).
"""

from __future__ import annotations

import itertools
import os
import platform
import threading
import time
from dataclasses import dataclass

from dask.typing import Key
from distributed import Worker, get_worker
from distributed.core import Status

from bot import __version__
from bot.executors.frames import Kind
from bot.executors.processes import FailedError, LostError, Process, Reply, UnwantedError
from bot.render import one_line

TICK = 0.25
"""Seconds between looks at whether the result is still wanted."""
FETCHED = 60.0
"""Seconds in which the coordinator must have come for a question."""
ANSWERED = 3600.0
"""Seconds in which it must have answered: a model may be slow, and its server be asked again."""
IDLE = 30.0
"""Seconds that a process is kept for the next task."""
MOST_QUESTION = 32 << 20
"""Bytes of a question."""

_WANTED = (Status.running, Status.paused, Status.closing_gracefully)


@dataclass(eq=False)
class _Question:
    """One that waits for the coordinator."""

    data: bytes
    reply: Reply
    since: float
    fetched: bool = False


@dataclass(eq=False)
class _Kept:
    """A process between two tasks."""

    process: Process
    reaper: threading.Timer


_lock = threading.Lock()
_questions: dict[tuple[str, int], _Question] = {}
"""By run and number."""
_numbers = itertools.count(1)
_idle: dict[str, list[_Kept]] = {}
"""By run."""
_forgotten: dict[str, None] = {}
"""Runs that have ended, the last of them."""


def topic(run: str) -> str:
    """Under which a worker tells the coordinator of a run that there is a question. Only its number is told so:
    the scheduler keeps what is said there."""
    return f"tryline-{run}"


def about() -> dict[str, str]:
    """What this worker runs: equal versions speak alike."""
    return {"tryline": __version__, "python": ".".join(platform.python_version_tuple()[:2])}


def perform(work: str, shared: bytes, payload: bytes, run: str) -> tuple[str, bytes]:
    """One task: (`result`, bytes), or (`failed` or `lost`, why)."""
    worker = get_worker()
    key = worker.get_current_task()
    asked: list[tuple[str, int]] = []

    def forward(data: bytes, reply: Reply) -> None:
        if len(data) > MOST_QUESTION:
            reply(Kind.REFUSAL, f"a question of {len(data):,} bytes is too long".encode())
            return
        number = next(_numbers)
        asked.append((run, number))
        with _lock:
            _questions[run, number] = _Question(data, reply, time.monotonic())
        worker.log_event(topic(run), {"worker": worker.address, "number": number})

    def wanted() -> bool:
        _give_up(asked)
        return run not in _forgotten and _is_wanted(worker, key)

    process = _taken(run) or Process(work, shared, os.environ)
    try:
        result = process.run(payload, forward, wanted, TICK)
        _keep(run, process)
        return "result", result
    except FailedError as error:
        _keep(run, process)
        return "failed", str(error).encode("utf-8", "replace")
    except LostError as error:
        process.end()
        return "lost", str(error).encode("utf-8", "replace")
    except UnwantedError:
        return "lost", b"nobody wanted it any more"
    finally:
        with _lock:
            for name in asked:
                _questions.pop(name, None)


def _is_wanted(worker: Worker, key: Key) -> bool:
    """Whether the scheduler still wants the task: it does not when the coordinator left, or is gone."""
    state = worker.state.tasks.get(key)
    return worker.status in _WANTED and state is not None and state.state in ("executing", "long-running")


# ------------------------------------------------------------------------------------------------------ questions


def question(run: str, number: int) -> bytes | None:
    """For the coordinator: the question of that number, if somebody still waits for its answer."""
    with _lock:
        waiting = _questions.get((run, number))
        if waiting is None:
            return None
        waiting.fetched = True
        return waiting.data


def answered(run: str, number: int, answer: bytes | None, why: str) -> None:
    """For the coordinator: the answer; None where there is none, with the reason."""
    with _lock:
        waiting = _questions.pop((run, number), None)
    if waiting is not None:
        _reply(waiting, answer, why)


def _reply(waiting: _Question, answer: bytes | None, why: str) -> None:
    if answer is None:
        waiting.reply(Kind.REFUSAL, one_line(why, 500).encode("utf-8", "replace"))
    else:
        waiting.reply(Kind.ANSWER, answer)


def _give_up(asked: list[tuple[str, int]]) -> None:
    """Refuses what nobody answers."""
    now = time.monotonic()
    for name in asked:
        with _lock:
            waiting = _questions.get(name)
            if waiting is None or now - waiting.since < (ANSWERED if waiting.fetched else FETCHED):
                continue
            del _questions[name]
        _reply(waiting, None, f"the coordinator was silent for {now - waiting.since:.0f} seconds")


# ------------------------------------------------------------------------------------------------------ processes


def forget(run: str) -> None:
    """For the coordinator: this run is over, and nothing of it is to go on."""
    with _lock:
        _forgotten[run] = None
        while len(_forgotten) > 1000:
            del _forgotten[next(iter(_forgotten))]
        kept = _idle.pop(run, [])
    for one in kept:
        one.reaper.cancel()
        # In a thread: this is called on the worker's event loop, and a process may take seconds to end.
        threading.Thread(target=one.process.end, daemon=True).start()


def _taken(run: str) -> Process | None:
    """A process that has done another task of the run."""
    with _lock:
        while kept := _idle.get(run):
            one = kept.pop()
            one.reaper.cancel()
            if one.process.alive:
                return one.process
    return None


def _keep(run: str, process: Process) -> None:
    """Keeps it for the next task of the run, for a while."""
    timer = threading.Timer(IDLE, lambda: _reap(run, one))
    timer.daemon = True
    one = _Kept(process, timer)
    with _lock:
        over = run in _forgotten
        if not over:
            _idle.setdefault(run, []).append(one)
    if over:
        process.end()
    else:
        timer.start()


def _reap(run: str, one: _Kept) -> None:
    with _lock:
        if one not in _idle.get(run, ()):
            return  # it has work again
        _idle[run].remove(one)
        if not _idle[run]:
            del _idle[run]
    one.process.end()

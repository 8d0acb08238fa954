"""Tasks on a cluster of Dask distributed: each worker beside its own engine, secrets with the coordinator alone.

We place the tasks ourselves, one for each thread of a worker, and let Dask carry them: so it is known what ran
where when a worker is lost, a result counts once, and nothing queues in the scheduler.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import re
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from distributed import Client, KilledWorker, Security
from distributed import Future as AnyFuture

from bot.errors import ExecutorError, TrylineError
from bot.executors import Ask, Done, Task, Work
from bot.executors.agenda import Agenda, Attempt
from bot.executors.child import named
from bot.executors.cluster import worker
from bot.executors.processes import MOST_RESULT
from bot.render import one_line

CONNECTING = 15.0
"""Seconds for the scheduler to answer."""
LOOKING = 1.0
"""Seconds between looks at who is there."""
PATIENCE = 60.0
"""Seconds without any worker until we give up: one that is started again by its nanny takes a few."""
ASKING = 10.0
"""Seconds for workers to say what they are."""
GATHERING = 300.0
"""Seconds for a result to come once it is there."""
ANSWERING = 64
"""Questions that are answered at a time."""
ASIDE = 3
"""Failures in a row, of tasks that did not fail elsewhere, after which a worker gets no more of them."""
HOPELESS = 10
"""Failures for each worker, and nothing ever done, after which nothing will be."""
Future = AnyFuture[Any]
_ADDRESS = re.compile(r"(tcp|tls)://[^\s/@?#]+:\d{1,5}")
_QUIET = ("distributed", "distributed.client", "distributed.core", "distributed.comm", "tornado")
_LOST = "its worker was lost"


@dataclass(eq=False)
class _Place:
    """A worker, as one run uses it."""

    address: str
    label: str
    threads: int
    shared: Future | None = None
    """What all tasks share, on this worker: given to it once."""
    running: dict[Attempt, tuple[Future, float]] = field(default_factory=dict)
    """With the time of the beginning."""
    strikes: int = 0
    open: bool = True
    """Whether it takes new tasks now."""

    @property
    def free(self) -> int:
        return self.threads - len(self.running) if self.open else 0

    @property
    def alone(self) -> bool:
        """Whether what runs here must run here alone."""
        return any(attempt.suspect for attempt in self.running)


class Cluster:
    """The workers of one scheduler that can do our work."""

    name = "cluster"

    def __init__(self, scheduler: str) -> None:
        """Connects to `tcp://HOST:PORT` or, with the certificates that Dask's configuration names, `tls://`.

        Raises ExecutorError: `cluster-unreachable`; `cluster-workers` where none is there that can do our work.
        """
        if not _ADDRESS.fullmatch(scheduler):
            raise ExecutorError(
                "the address of a scheduler is tcp://HOST:PORT or tls://HOST:PORT",
                hint="`dask scheduler` prints it when it starts.",
                slug="cluster-unreachable",
            )
        _hush()
        self._client = _connected(scheduler)
        self._comm = self._client.scheduler_comm
        """The connection by which tasks are ours: a second one would know nothing of them."""
        self._fit: dict[str, str] = {}
        """Address -> why it is left out; empty for one that is not."""
        self._labels: dict[str, str] = {}
        self._seen = 0
        self._left_out: dict[str, int] = {}
        self._width = 0
        self._runs: set[_Run] = set()
        try:
            self._wait_for_workers()
        except BaseException:
            self.close()
            raise

    @property
    def width(self) -> int:
        """Threads of all workers that were there at the last look."""
        return self._width

    @property
    def notes(self) -> tuple[str, ...]:
        """Workers that were left out, and why."""
        return tuple(
            f"{count} worker{' was' if count == 1 else 's were'} left out: {why}."
            for why, count in self._left_out.items()
        )

    def results(self, work: Work, shared: bytes, tasks: Sequence[Task], answer: Ask) -> Iterator[Done]:
        """As the protocol says."""
        return self._results(_Run(self, Agenda(tasks), named(work), shared, answer))

    def _results(self, run: _Run) -> Iterator[Done]:
        self._runs.add(run)
        try:
            yield from run.go()
        finally:
            self._runs.discard(run)
            run.leave()

    def close(self) -> None:
        """Ends what runs and hangs up; raises nothing."""
        for run in list(self._runs):
            run.leave()
        with contextlib.suppress(Exception):
            self._client.close(timeout=10)

    # -------------------------------------------------------------------------------------------- who is there

    def look(self) -> Mapping[str, tuple[str, int, bool]]:
        """Address -> (label, threads, whether it takes new tasks), of every worker that can do our work.

        Raises ExecutorError where the scheduler is gone.
        """
        self.check()
        try:
            scheduler: Any = self._client.scheduler
            info = self._client.sync(scheduler.identity, n_workers=-1, callback_timeout=CONNECTING)
        except (OSError, TimeoutError, RuntimeError):
            raise _gone() from None
        workers: Mapping[str, Mapping[str, Any]] = info["workers"]
        for address in set(self._fit) - set(workers):
            del self._fit[address]
            self._labels.pop(address, None)
        self._judge([address for address in workers if address not in self._fit])
        found = {
            address: (self._labels[address], int(about["nthreads"]), about["status"] == "running")
            for address, about in workers.items()
            if self._fit.get(address) == ""
        }
        self._width = sum(threads for _, threads, _ in found.values())
        return found

    def check(self) -> None:
        """Raises ExecutorError where the connection broke: what ran is no longer ours."""
        if self._client.status != "running" or self._client.scheduler_comm is not self._comm:
            raise _gone()

    def _judge(self, strangers: Sequence[str]) -> None:
        """Asks workers what they run, and leaves out those that run something else."""
        if not strangers:
            return
        said = self._say(strangers)
        if len(said) < len(strangers) and len(strangers) > 1:
            # One that is frozen lets all of them wait: each is asked by itself.
            said = {address: answer for one in strangers for address, answer in self._say([one]).items()}
        mine = worker.about()
        for address in strangers:
            why = _unfit(said[address], mine) if address in said else "it does not answer"
            if why is None:
                continue
            self._fit[address] = why
            if why:
                self._left_out[why] = self._left_out.get(why, 0) + 1
            else:
                self._seen += 1
                self._labels[address] = f"worker {self._seen}"

    def _say(self, addresses: Sequence[str]) -> dict[str, object]:
        """What these workers are, by their own words or an error; nothing where one does not answer in time."""
        try:
            said: dict[str, object] = self._client.run(
                worker.about, workers=list(addresses), on_error="return", callback_timeout=ASKING
            )
        except TimeoutError:
            return {}
        except OSError:
            raise _gone() from None
        return said

    def _wait_for_workers(self) -> None:
        until = time.monotonic() + CONNECTING
        while not self.look():
            # One that runs something else will not change its mind.
            if time.monotonic() > until or self._left_out:
                raise self.nobody()
            time.sleep(0.2)

    def nobody(self) -> ExecutorError:
        """That no worker can do our work."""
        why = "; ".join(self._left_out) or "none is connected to the scheduler"
        return ExecutorError(
            f"the cluster has no worker that can run tasks: {why}",
            hint="Start workers with `dask worker ADDRESS` where the same versions of Tryline and Python are "
            "installed and an engine answers.",
            slug="cluster-workers",
        )

    @property
    def client(self) -> Client:
        """The connection."""
        return self._client


def _connected(scheduler: str) -> Client:
    """Raises ExecutorError."""
    made: queue.SimpleQueue[Client | Exception] = queue.SimpleQueue()

    def connect() -> None:
        try:
            # TLS as Dask's own configuration says: files of certificates, by its files or its environment.
            security = Security(require_encryption=True) if scheduler.startswith("tls:") else Security()
            client = Client(
                scheduler,
                timeout=CONNECTING,
                set_as_default=False,
                security=security,
                direct_to_workers=False,  # workers need not be reachable from here
                name="tryline",
            )
            made.put(client)
        except Exception as error:
            made.put(error)

    # Where something answers that is no scheduler, Dask waits for ever: not we.
    threading.Thread(target=connect, name="connect", daemon=True).start()
    try:
        got = made.get(timeout=CONNECTING + LOOKING)
    except queue.Empty:
        got = TimeoutError()
    if isinstance(got, Exception):
        raise ExecutorError(
            f"the cluster's scheduler does not answer ({type(got).__name__})",
            hint="Does `dask scheduler` run there, reachable from here? tls:// needs the certificates that "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, __CLIENT__CERT and __CLIENT__KEY name.",
            slug="cluster-unreachable",
        )
    return got


def _gone() -> ExecutorError:
    return ExecutorError(
        "the connection to the cluster's scheduler broke; what is done is kept",
        hint="Begin the audit again: it goes on where it was.",
        slug="cluster-unreachable",
    )


def _unfit(said: object, mine: Mapping[str, str]) -> str | None:
    """Why a worker cannot do our work: empty where it can, None where it could not be asked."""
    if isinstance(said, Exception) and re.search("ModuleNotFoundError|AttributeError", repr(said)):
        return "Tryline is not installed there, or another version"
    if not isinstance(said, dict):
        return None
    other = [
        f"{name.capitalize()} {one_line(said.get(name, 'unknown'), 20)} (here {version})"
        for name, version in mine.items()
        if said.get(name) != version
    ]
    return f"it runs {' and '.join(other)}" if other else ""


def _hush() -> None:
    """Dask says on stderr what we say in our own words, and much more."""
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.handlers[:] = [logging.NullHandler()]
        logger.propagate = False
    warnings.filterwarnings("ignore", module=r"distributed\.")


class _Run:
    """One iteration: its tasks, and who does them."""

    def __init__(self, cluster: Cluster, agenda: Agenda, work: str, shared: bytes, answer: Ask) -> None:
        self._cluster = cluster
        self._client = cluster.client
        self._agenda = agenda
        self._work = work
        self._shared = shared
        self._answer = answer
        self._id = uuid.uuid4().hex
        self._places: dict[str, _Place] = {}
        self._used: set[str] = set()
        self._ended: queue.SimpleQueue[tuple[str, Attempt, Future]] = queue.SimpleQueue()
        self._answering = threading.BoundedSemaphore(ANSWERING)
        self._keys = 0
        self._succeeded = False
        self._failures = 0
        self._problem = ""
        self._left = False

    def go(self) -> Iterator[Done]:
        """Every task once."""
        self._client.subscribe_topic(worker.topic(self._id), self._asked)
        looked, somebody = -LOOKING, time.monotonic()
        while self._agenda.open:
            now = time.monotonic()
            if now - looked >= LOOKING:
                looked = now
                yield from self._look()
            yield from self._fill()
            if self._places:
                somebody = now
            elif now - somebody > PATIENCE:
                raise self._cluster.nobody()
            try:
                ended = self._ended.get(timeout=LOOKING / 4)
            except queue.Empty:
                self._cluster.check()
                continue
            yield from self._became(*ended)

    def leave(self) -> None:
        """Ends what runs, also where nobody can be told any more. Raises nothing."""
        if self._left:
            return
        self._left = True
        futures = [future for place in self._places.values() for future, _ in place.running.values()]
        with contextlib.suppress(Exception):
            self._client.unsubscribe_topic(worker.topic(self._id))
            if futures:
                self._client.cancel(futures, force=True)
            here = set(self._places)
            if here and self._client.status == "running":
                self._client.sync(
                    self._client._run, worker.forget, self._id, workers=list(here), on_error="ignore",
                    callback_timeout=ASKING,
                )  # fmt: skip
        for place in self._places.values():
            place.running.clear()
            place.shared = None

    # ---------------------------------------------------------------------------------------------- placing tasks

    def _look(self) -> Iterator[Done]:
        """Who came, who left."""
        found = self._cluster.look()
        for address in set(self._places) - set(found):
            yield from self._drop(address)
        for address, (label, threads, takes) in found.items():
            place = self._places.setdefault(address, _Place(address, label, threads))
            place.threads, place.open = threads, takes

    def _drop(self, address: str) -> Iterator[Done]:
        """A worker is gone, with what it did."""
        place = self._places.pop(address)
        running = dict(place.running)
        place.running.clear()
        if running:
            with contextlib.suppress(Exception):
                # One that comes back under this address must not begin them once more.
                self._client.cancel([future for future, _ in running.values()], force=True)
        for attempt in running:
            done = self._agenda.lost(attempt, address, self._lost(attempt), place.label)
            if done is not None:
                yield done

    @staticmethod
    def _lost(attempt: Attempt) -> str:
        count = attempt.losses + 1
        return _LOST if count == 1 else f"{count} workers were lost while they ran it"

    def _fill(self) -> Iterator[Done]:
        """Begins what can be begun."""
        usable = self._usable()
        # A task that may have ended its worker waits for one without others: the emptiest gets no more of them.
        everywhere = [place.address for place in usable]
        awaited = [place for place in usable if self._agenda.awaits(place.address, everywhere)]
        held = min(awaited, key=lambda place: len(place.running), default=None)
        for place in sorted(usable, key=lambda place: len(place.running)):
            while place.free > 0 and not place.alone:
                attempt = self._agenda.begin(
                    place.address,
                    idle=not place.running,
                    others=everywhere,
                    fresh=place is not held,
                )
                if attempt is None:
                    break
                if not self._begin(place, attempt):
                    yield from self._drop(place.address)
                    break

    def _usable(self) -> list[_Place]:
        places = [place for place in self._places.values() if place.open]
        if places and not self._succeeded and self._failures >= HOPELESS * len(places):
            raise ExecutorError(
                f"no worker of the cluster can run a task: {self._problem}",
                hint="Run `tryline doctor` where a worker runs.",
                slug="cluster-workers",
            )
        good = [place for place in places if place.strikes < ASIDE]
        return good or places

    def _begin(self, place: _Place, attempt: Attempt) -> bool:
        """Sends it there; whether it could be."""
        try:
            if place.shared is None:
                place.shared = self._client.scatter(
                    self._shared, workers=[place.address], direct=False, hash=False, timeout=ASKING
                )
                self._used.add(place.address)
        except (OSError, TimeoutError, ValueError, KeyError, RuntimeError):
            self._cluster.check()
            self._agenda.unbegun(attempt)
            return False
        self._keys += 1
        future = self._client.submit(
            worker.perform, self._work, place.shared, attempt.task.payload, self._id,
            key=f"tryline-{self._id}-{self._keys}", workers=[place.address], allow_other_workers=False, retries=0,
            pure=False,
        )  # fmt: skip
        place.running[attempt] = (future, time.monotonic())
        future.add_done_callback(lambda future: self._ended.put((place.address, attempt, future)))
        return True

    # ----------------------------------------------------------------------------------------- what became of them

    def _became(self, address: str, attempt: Attempt, future: Future) -> Iterator[Done]:
        """One attempt ended."""
        place = self._places.get(address)
        if place is None or place.running.get(attempt, (None,))[0] is not future:
            return  # of a worker that was given up meanwhile: it is, or was, done elsewhere
        self._cluster.check()
        began = place.running[attempt][1]
        word, data = self._outcome(future)
        if word == "gone":
            # The scheduler let go of it: the worker is gone, or came anew under the same address.
            yield from self._drop(address)
            return
        del place.running[attempt]
        seconds = time.monotonic() - began
        future.release()
        if word == "result":
            place.strikes, self._succeeded = 0, True
            yield self._agenda.done(attempt, data, place.label, seconds)
            return
        why = one_line(data.decode("utf-8", "replace"), 500)
        if word == "lost":
            done = self._agenda.lost(attempt, address, why, place.label)
        else:
            self._strike(place, attempt, why)
            done = self._agenda.failed(attempt, address, why, place.label, seconds)
        if done is not None:
            yield done

    def _strike(self, place: _Place, attempt: Attempt, why: str) -> None:
        """Is it the worker, or the task? One that fails in two places is the cause itself."""
        self._problem = why
        self._failures += 1
        elsewhere = [
            self._places[other] for other in attempt.places if other in self._places and other != place.address
        ]
        if attempt.failures and elsewhere:
            for other in elsewhere:
                other.strikes = max(0, other.strikes - 1)
        else:
            place.strikes += 1

    def _outcome(self, future: Future) -> tuple[str, bytes]:
        """(`result`, `failed` or `lost`, with its bytes), or `gone`. What comes from a worker is looked at."""
        if future.status == "error":
            error = future.exception(timeout=ASKING)
            if isinstance(error, KilledWorker):
                return "lost", b"workers were lost while they ran it"
            return "failed", one_line(f"{type(error).__name__}: {error}", 500).encode("utf-8", "replace")
        if future.status != "finished":
            return "gone", b""
        said = self._gathered(future)
        if said is None:
            return "gone", b""
        match said:
            case ("result" | "failed" | "lost" as word, bytes(data)) if len(data) <= MOST_RESULT:
                return word, data
        return "failed", b"its worker answered what no worker of ours answers"

    def _gathered(self, future: Future) -> object:
        """What the task returned; None where its worker is gone before it could be fetched."""
        until, patience = time.monotonic() + GATHERING, 2.0
        while time.monotonic() < until:
            try:
                return future.result(timeout=patience)
            except TimeoutError:
                self._cluster.check()
                if future.status != "finished":
                    return None
                patience *= 2  # a large result on a slow line: each try begins anew
            except Exception:
                return None
        return None

    # -------------------------------------------------------------------------------------------------- questions

    def _asked(self, event: tuple[float, Any]) -> None:
        """A worker has a question. On the client's event loop: nothing may block here."""
        match event[1]:
            case {"worker": str(address), "number": int(number)} if address in self._used:
                threading.Thread(target=self._reply, args=(address, number), name="answer", daemon=True).start()

    def _reply(self, address: str, number: int) -> None:
        # Whatever goes wrong, the worker gives up by itself.
        with self._answering, contextlib.suppress(Exception):
            asked = self._call(address, worker.question, self._id, number)
            if isinstance(asked, bytes) and not self._left:
                self._call(address, worker.answered, self._id, number, *_spoken(self._answer, asked))

    def _call(self, address: str, function: Callable[..., object], *arguments: object) -> object:
        said: dict[str, object] = self._client.run(
            function, *arguments, workers=[address], callback_timeout=3 * ASKING
        )
        return said.get(address)


def _spoken(answer: Ask, question: bytes) -> tuple[bytes | None, str]:
    """The answer, or why there is none."""
    try:
        return answer(question), ""
    except TrylineError as error:
        return None, error.message
    except Exception as error:  # a defect of ours must not let a task wait for ever
        return None, f"{type(error).__name__}: {error}"

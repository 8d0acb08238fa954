"""A pool of sandboxes that are started ahead: each holds one tree, is handed out once, and is thrown away.

Whoever opens a sandbox gets one that waits, with its tree in it already; only what differs is sent. What is kept
ahead follows what is asked for, and nothing is started while the machine is busy, or while times are taken.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain import Image, Limits
from bot.errors import SandboxError
from bot.sandboxes import Contents, Job, Reply, Sandbox
from bot.sandboxes.admission import Capacity, Demand, Gate, Kind, Wish

GUESS = 1.0
"""Seconds that a start takes, before one was seen."""
LOOK = 5.0
"""Seconds after which spares are looked over, where nothing else gave a reason to."""
BEHIND = 4
"""Removals that may be outstanding; whoever makes more waits for its own."""
QUIET = 15.0
"""Most seconds for which a measurement waits until nothing is started or removed."""
ENDING = 60.0
"""Most seconds for starts under way, and for removals, at the end."""


class Box(Sandbox, Protocol):
    """A sandbox that was started, as a backend makes it."""

    @property
    def alive(self) -> bool:
        """Whether it can still take jobs, as far as is known without asking it."""

    def fill(self, tar: bytes) -> None:
        """Unpacks an archive into its tree. Raises SandboxError."""

    def close(self) -> None:
        """Ends its input, upon which it ends by itself. Takes no time, never raises."""

    def kill(self) -> None:
        """Ends and removes it now. May be called twice, never raises SandboxError."""


class Starter(Protocol):
    """What a backend gives to the pool."""

    def capacity(self) -> Capacity:
        """What the machine has. Raises SandboxError where no engine answers."""

    def start(self, image: Image, limits: Limits) -> Box:
        """A sandbox with an empty tree, hardened to these limits. Raises SandboxError; leaves nothing then."""


@dataclass(eq=False)
class Spare:
    """A sandbox that nobody has asked for yet. Its state changes under the pool's lock alone."""

    kind: Kind
    tree: bytes | None
    """The archive that it is filled with; None: it holds nothing."""
    ready: threading.Event = field(default_factory=threading.Event)
    box: Box | None = None
    """There once it is ready, unless its start failed."""
    unwanted: bool = False
    """Nobody waits for it: it is ended as soon as it is there."""


class Pool:
    """Opens sandboxes for a backend, some of them started ahead. Safe for threads."""

    def __init__(
        self, starter: Starter, most: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """At most `most` wait at a time; None: as many as there are processors."""
        self._starter = starter
        self._most = most
        self._clock = clock
        self._gate = Gate()
        self._demand = Demand()
        self._endings = Endings(self._changed)
        self._lock = threading.Condition(threading.RLock())
        self._spares: list[Spare] = []
        self._starting: set[Spare] = set()
        self._asking = 0
        """Callers that wait for a start."""
        self._working = 0
        """Sandboxes in which jobs run."""
        self._measuring = 0
        """Jobs that take times: nothing of ours may run beside them."""
        self._closed = False
        self._timer: threading.Timer | None = None
        self._start_seconds = GUESS
        self._capacity = Capacity(1, 0)
        self._slots: threading.Semaphore | None = None
        """One for each start at a time: more than there are processors only wait for one another."""

    @contextlib.contextmanager
    def open(self, image: Image, tree: Contents, limits: Limits) -> Iterator[Sandbox]:
        """A sandbox with these files that nobody has used; ended on leaving. Raises SandboxError."""
        kind = Kind.of(image, limits)
        self._begun()
        with self._gate.entered(limits.memory_mb, self._capacity):
            box = self._taken(kind, tree)
            try:
                self._changed()
                yield Lease(self, box)
            finally:
                self._endings.end(box)
        self._changed()

    def close(self) -> None:
        """Ends what waits, and waits for what is on its way; open sandboxes stay. May be called twice, and before
        others are opened."""
        with self._lock:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for spare in list(self._spares):
                self._drop(spare)
            self._lock.wait_for(lambda: not self._starting, ENDING)
        self._endings.drain(ENDING)

    @property
    def spares(self) -> int:
        """How many wait, or are being started for nobody yet."""
        return len(self._spares)

    def _begun(self) -> None:
        """Learns what the machine has, once. Raises SandboxError."""
        with self._lock:
            self._closed = False
            if self._slots is None:
                self._capacity = self._starter.capacity()
                self._slots = threading.Semaphore(max(1, self._capacity.cores))

    # -- taking one

    def _taken(self, kind: Kind, tree: Contents) -> Box:
        """A filled sandbox: one that waits, or a fresh one. One that died while it waited is no reason to fail."""
        spare = self._claimed(kind, tree.tar)
        if spare is not None and (box := self._arrived(spare)) is not None:
            try:
                return self._filled(box, tree, spare.tree)
            except SandboxError as problem:
                if problem.slug not in ("container-gone", "sandbox-deadline"):
                    raise
        with self._lock:
            self._asking += 1
        try:
            box = self._started(kind)
        finally:
            with self._lock:
                self._asking -= 1
        return self._filled(box, tree, None)

    def _started(self, kind: Kind) -> Box:
        """A fresh sandbox, in its turn. Raises SandboxError."""
        assert self._slots is not None  # noqa: S101 - nothing is started before the machine was looked at
        with self._slots:
            began = self._clock()
            box = self._starter.start(kind.image, kind.limits)
            self._start_seconds = 0.5 * (self._start_seconds + self._clock() - began)
            return box

    def _claimed(self, kind: Kind, tree: bytes) -> Spare | None:
        """The spare that fits best, which is nobody else's from now on."""
        with self._lock:
            self._demand.took(kind, tree, self._clock())
            fitting = [s for s in self._spares if s.kind == kind and (s.tree is None or s.tree == tree)]
            if fitting:
                spare = min(fitting, key=lambda s: (s.tree is None, not s.ready.is_set()))
                self._spares.remove(spare)
                return spare
            while self._spares and not self._capacity.fits(self._promised):
                self._drop(self._spares[0])
            return None

    def _arrived(self, spare: Spare) -> Box | None:
        """Its sandbox, waited for where it is being started; None where that failed, or it died since."""
        try:
            spare.ready.wait()
        except BaseException:
            with self._lock:
                self._drop(spare)
            raise
        if spare.box is None or spare.box.alive:
            return spare.box
        self._ended(spare)
        return None

    def _filled(self, box: Box, tree: Contents, known: bytes | None) -> Box:
        """The sandbox with all files in it; ended where that fails."""
        try:
            if known is None:
                box.fill(tree.tar)
            if tree.over:
                box.fill(tree.over_tar())
        except BaseException:
            self._endings.end(box)
            raise
        return box

    # -- having some ahead

    def _changed(self) -> None:
        """Something began or ended: what is kept ahead may have to change."""
        with self._lock:
            self._lock.notify_all()
            self._tend()

    def _tend(self) -> None:
        """Starts what is worth having and ends what is not any more. Under the lock."""
        if self._closed:
            return
        wanted = dict(self._demand.wanted(self._clock(), self._start_seconds))
        for spare in sorted(self._spares, key=lambda spare: spare.tree is None):
            dead = spare.ready.is_set() and (spare.box is None or not spare.box.alive)
            served = None if dead else self._served(spare, wanted)
            if served is None:
                self._drop(spare)
            else:
                wanted[served] -= 1
        for (kind, tree), number in wanted.items():
            for _ in range(number):
                if self._may_start(kind):
                    self._launch(Spare(kind, tree))
        if self._spares and self._timer is None:
            self._timer = threading.Timer(LOOK, self._looked)
            self._timer.daemon = True
            self._timer.start()

    def _looked(self) -> None:
        """Nothing else gave a reason: spares age, and some may have died."""
        with self._lock:
            self._timer = None
            self._tend()

    @staticmethod
    def _served(spare: Spare, wanted: Mapping[Wish, int]) -> Wish | None:
        """Which wish a spare serves; one that holds nothing yet serves any of its kind."""
        wishes = [(spare.kind, spare.tree)]
        if spare.tree is None:
            wishes += [wish for wish in wanted if wish[0] == spare.kind]
        return next((wish for wish in wishes if wanted.get(wish, 0) > 0), None)

    def _may_start(self, kind: Kind) -> bool:
        """Whether the machine has room for one more that nobody has asked for."""
        cores = self._capacity.cores
        return (
            not self._measuring
            and self._working < cores
            and len(self._starting) + self._asking < cores  # who asks goes before who may ask
            and len(self._spares) < (cores if self._most is None else self._most)
            and self._capacity.fits(self._promised + kind.limits.memory_mb)
        )

    @property
    def _promised(self) -> int:
        """MiB that open sandboxes and spares may use."""
        return self._gate.memory_mb + sum(spare.kind.limits.memory_mb for spare in self._spares)

    def _launch(self, spare: Spare) -> None:
        threading.Thread(target=self._prepare, args=(spare,), daemon=True, name="tryline-spare").start()
        self._spares.append(spare)  # its thread cannot have ended: that takes the lock
        self._starting.add(spare)

    def _prepare(self, spare: Spare) -> None:
        """Starts and fills a spare, in a thread of its own. A start that fails is tried again for a caller alone,
        who is told why."""
        box: Box | None = None
        try:
            if not spare.unwanted:
                box = self._started(spare.kind)
                if spare.tree is not None:
                    box.fill(spare.tree)
        except Exception:  # the caller who starts one then meets it, too
            if box is not None:
                self._endings.end(box)
            box = None
            with self._lock:
                self._demand.forget(spare.kind)
        finally:
            with self._lock:
                spare.box = box
                spare.ready.set()
                self._starting.discard(spare)
                if spare.unwanted:
                    self._ended(spare)
            self._changed()

    def _drop(self, spare: Spare) -> None:
        """Nobody wants it any more. Under the lock."""
        if spare in self._spares:
            self._spares.remove(spare)
        spare.unwanted = True
        if spare.ready.is_set():
            self._ended(spare)

    def _ended(self, spare: Spare) -> None:
        box, spare.box = spare.box, None
        if box is not None:
            self._endings.end(box, wait=False)

    # -- what goes on in those that are open

    @contextlib.contextmanager
    def working(self, job: Job | None = None) -> Iterator[None]:
        """While a sandbox works; for a job that takes times, nothing is started or removed beside it."""
        alone = job is not None and takes_times(job)
        with self._lock:
            self._working += 1
            self._measuring += alone
            if alone:
                self._lock.wait_for(lambda: not self._starting and not self._endings.outstanding, QUIET)
        try:
            yield
        finally:
            with self._lock:
                self._working -= 1
                self._measuring -= alone
            self._changed()


class Lease:
    """An open sandbox as its user has it; implements Sandbox."""

    def __init__(self, pool: Pool, box: Box) -> None:
        self._pool = pool
        self._box = box

    def ask(self, job: Job, *, seconds: float) -> Reply:
        """Sends one job and waits for its reply, at most `seconds` (wall)."""
        with self._pool.working(job):
            return self._box.ask(job, seconds=seconds)

    def ask_many(self, jobs: Iterable[Job], *, seconds: float) -> Generator[tuple[int, Reply], None, None]:
        """Sends several jobs, runs them side by side, yields (index, reply) as they end."""
        with self._pool.working():
            yield from self._box.ask_many(jobs, seconds=seconds)


class Endings:
    """Removes sandboxes behind their users' backs, a bounded number at a time."""

    def __init__(self, told: Callable[[], None]) -> None:
        self._told = told
        self._changed = threading.Condition()
        self._left: list[Box] = []
        self._thread: threading.Thread | None = None

    @property
    def outstanding(self) -> int:
        """How many are not removed yet."""
        return len(self._left)

    def end(self, box: Box, *, wait: bool = True) -> None:
        """Ends a sandbox; its removal follows, or is done here where too many are outstanding and it may wait."""
        box.close()
        with self._changed:
            if not wait or len(self._left) < BEHIND:
                self._left.append(box)
                if self._thread is None:
                    self._thread = threading.Thread(target=self._work, daemon=True, name="tryline-endings")
                    self._thread.start()
                return
        box.kill()

    def drain(self, seconds: float) -> None:
        """Waits until all are removed, at most so long."""
        with self._changed:
            self._changed.wait_for(lambda: not self._left, seconds)

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._left:
                    self._thread = None
                    return
                box = self._left[0]
            with contextlib.suppress(
                Exception
            ):  # its input has ended, and with it the sandbox; the next sweep sees
                box.kill()
            with self._changed:
                self._left.remove(box)
                self._changed.notify_all()
            self._told()


def takes_times(job: Job) -> bool:
    """Whether a job measures: what else runs on the machine then is in its figures."""
    message = job.get("message")
    return job.get("kind") == "trial" and isinstance(message, dict) and message.get("kind") == "measure"

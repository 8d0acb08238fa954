"""The pool: what is kept ahead and for whom, what is never handed out, and that nothing is left."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from bot.domain import Image, Limits
from bot.errors import SandboxError
from bot.sandboxes import Contents, Job, Reply
from bot.sandboxes import pool as pools
from bot.sandboxes.admission import WINDOW, Capacity
from bot.sandboxes.pool import Pool, takes_times

IMAGE = Image("image", (3, 11, 7), "made by hand", cached=True, seconds=0.0)
LIMITS = Limits(memory_mb=100)
HEAD, BASE = Contents(b"head"), Contents(b"base")
MEASURE = {"kind": "trial", "message": {"kind": "measure"}}


def soon(wanted: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if wanted():
            return True
        time.sleep(0.01)
    return wanted()


# ------------------------------------------------------------------------------------------- a machine by hand


@dataclass(eq=False)
class Made:
    """A box of the machine; it keeps what was done with it."""

    machine: Machine
    image: Image
    limits: Limits
    did: list[Any] = field(default_factory=list)
    alive: bool = True
    killed: bool = False
    problem: SandboxError | None = None

    def fill(self, tar: bytes) -> None:
        if self.problem is not None:
            raise self.problem
        self.did.append(tar)

    def ask(self, job: Job, *, seconds: float) -> Reply:
        self.did.append(job)
        self.machine.asked.set()
        assert self.machine.answers.wait(20)
        return {}

    def ask_many(self, jobs: Iterable[Job], *, seconds: float) -> Generator[tuple[int, Reply], None, None]:
        for index, job in enumerate(jobs):
            yield index, self.ask(job, seconds=seconds)

    def close(self) -> None:
        self.alive = False

    def kill(self) -> None:
        assert self.machine.removes.wait(20)
        self.alive, self.killed = False, True


class Machine:
    """Starts boxes; starts, answers and removals can be held back."""

    def __init__(self, cores: int = 4, memory_mb: int = 0) -> None:
        self._capacity = Capacity(cores, memory_mb)
        self.made: list[Made] = []
        self.problem: SandboxError | None = None
        self.starts, self.answers, self.removes = threading.Event(), threading.Event(), threading.Event()
        for event in (self.starts, self.answers, self.removes):
            event.set()
        self.asked = threading.Event()
        self.starting = self.most = self.attempts = 0
        self._lock = threading.Lock()

    def capacity(self) -> Capacity:
        return self._capacity

    def start(self, image: Image, limits: Limits) -> Made:
        with self._lock:
            self.starting += 1
            self.attempts += 1
            self.most = max(self.most, self.starting)
        try:
            assert self.starts.wait(20)
            time.sleep(0.01)
            if self.problem is not None:
                raise self.problem
            box = Made(self, image, limits)
            with self._lock:
                self.made.append(box)
            return box
        finally:
            with self._lock:
                self.starting -= 1


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def pool(machine: Machine, clock: Clock) -> Iterator[Pool]:
    made = Pool(machine, clock=clock)
    yield made
    for event in (machine.starts, machine.answers, machine.removes):
        event.set()
    made.close()


def use(pool: Pool, tree: Contents = HEAD, limits: Limits = LIMITS, image: Image = IMAGE) -> Made:
    """Opens a sandbox and leaves it, five seconds after the one before; the box that it was."""
    if isinstance(pool._clock, Clock):
        pool._clock.now += 5
    with pool.open(image, tree, limits) as lease:
        made = lease._box  # type: ignore[attr-defined]
    assert isinstance(made, Made)
    return made


def waiting(pool: Pool, number: int = 1) -> bool:
    return soon(lambda: pool.spares == number and not pool._starting)


def spare_of(pool: Pool) -> Made:
    """The only one that waits, or will soon."""
    assert waiting(pool)
    (box,) = (spare.box for spare in pool._spares)
    assert isinstance(box, Made)
    return box


# --------------------------------------------------------------------------------------------- what is kept


def test_nothing_is_kept_for_who_asks_once(pool: Pool, machine: Machine) -> None:
    box = use(pool)
    assert box.did == [b"head"]
    pool._changed()
    assert len(machine.made) == 1 and pool.spares == 0


def test_from_the_second_time_on_one_waits_with_its_tree(pool: Pool, machine: Machine) -> None:
    used = [use(pool), use(pool)]
    spare = spare_of(pool)
    assert spare.did == [b"head"], "filled before anybody asked"
    used.append(use(pool, replace(HEAD, over={"test_x.py": b"x"})))
    assert used[2] is spare
    assert spare.did[0] == b"head" and b"test_x.py" in spare.did[1] and len(spare.did) == 2
    spare = spare_of(pool)
    assert use(pool) is spare, "the next one waits already"
    assert all(not box.alive for box in used) and len(set(map(id, used))) == 3


def test_one_with_another_tree_or_other_limits_or_image_is_not_handed_out(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    spare = spare_of(pool)
    assert use(pool, BASE) is not spare
    assert use(pool, limits=replace(LIMITS, processes=9)) is not spare
    assert use(pool, image=replace(IMAGE, reference="other")) is not spare
    assert spare.alive and spare.did == [b"head"]
    assert use(pool, image=replace(IMAGE, seconds=9.0)) is spare, "how an image came about is no difference"


def test_who_asks_for_many_trees_gets_one_that_holds_none(pool: Pool, machine: Machine) -> None:
    use(pool, HEAD), use(pool, BASE)
    spare = spare_of(pool)
    assert spare.did == []
    assert use(pool, Contents(b"third")) is spare
    assert spare.did == [b"third"]


def test_what_is_not_asked_for_any_more_ends(pool: Pool, machine: Machine, clock: Clock) -> None:
    use(pool), use(pool)
    spare = spare_of(pool)
    clock.now += WINDOW - 6
    pool._looked()
    assert pool.spares == 1
    clock.now += 2
    pool._looked()
    assert pool.spares == 0 and not spare.alive
    assert soon(lambda: spare.killed)


def test_a_look_is_taken_without_any_reason(pool: Pool, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "LOOK", 0.05)
    use(pool), use(pool)
    for _ in range(3):  # again and again
        spare, number = spare_of(pool), len(machine.made)
        spare.alive = False
        assert soon(lambda number=number: len(machine.made) == number + 1)  # type: ignore[misc]


# ------------------------------------------------------------------------------------------- what is not fit


def test_one_that_died_while_it_waited_is_not_handed_out(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    spare = spare_of(pool)
    spare.alive = False
    box = use(pool)
    assert box is not spare and box.did == [b"head"]
    assert soon(lambda: spare.killed)


def test_one_that_dies_as_it_is_handed_out_is_replaced(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    spare = spare_of(pool)
    spare.problem = SandboxError("it ended", slug="container-gone")
    box = use(pool, replace(HEAD, over={"a": b"b"}))
    assert box is not spare and len(box.did) == 2


def test_what_is_wrong_with_the_files_is_said(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    spare = spare_of(pool)
    spare.problem = SandboxError("full", hint="make room", slug="workspace-full")
    with pytest.raises(SandboxError) as caught:
        use(pool, replace(HEAD, over={"a": b"b"}))
    assert (caught.value.slug, caught.value.hint) == ("workspace-full", "make room")
    assert soon(lambda: spare.killed)


def test_a_start_that_fails_ahead_is_told_to_who_asks_and_is_not_repeated(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    spare = spare_of(pool)
    machine.problem = SandboxError("no image", slug="image-gone")
    assert use(pool) is spare
    assert soon(lambda: pool.spares == 0 and not pool._starting), "the next one failed"
    attempts = machine.attempts
    pool._looked()
    assert not pool._starting and machine.attempts == attempts, "and no other is tried for nobody"
    with pytest.raises(SandboxError) as caught:
        use(pool)
    assert caught.value.slug == "image-gone"
    machine.problem = None
    assert use(pool).did == [b"head"]


def test_who_asks_while_it_starts_waits_for_it(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    assert waiting(pool)
    machine.starts.clear()
    with pool.open(IMAGE, HEAD, LIMITS):
        assert soon(lambda: machine.starting == 1)
        with ThreadPoolExecutor(1) as threads:
            number = len(machine.made)
            other = threads.submit(use, pool)
            assert soon(lambda: pool.spares == 0 or machine.starting > 1), "it is taken while it starts"
            # One more may be started ahead as soon as something else ends; for the one who asks none is.
            assert pool._asking == 0
            machine.starts.set()
            assert other.result(20) in machine.made[number:]


# ------------------------------------------------------------------------------------------ a busy machine


def test_nothing_is_started_ahead_while_as_many_work_as_there_are_processors(clock: Clock) -> None:
    machine = Machine(cores=1)
    pool = Pool(machine, clock=clock)
    use(pool)
    with pool.open(IMAGE, HEAD, LIMITS) as box, ThreadPoolExecutor(1) as threads:
        assert waiting(pool)
        use(pool)
        assert waiting(pool)
        machine.answers.clear()
        threads.submit(box.ask, {"kind": "x"}, seconds=9)
        assert machine.asked.wait(9)
        use(pool)
        assert not pool._starting and pool.spares == 0
        machine.answers.set()
        assert waiting(pool), "as soon as the work is done"
    pool.close()


def test_nothing_is_started_ahead_while_callers_wait_for_as_many_starts_as_there_are_processors(
    clock: Clock,
) -> None:
    machine = Machine(cores=1)
    pool = Pool(machine, clock=clock)
    use(pool), use(pool)
    assert waiting(pool)
    machine.starts.clear()
    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(use, pool, BASE)
        assert soon(lambda: machine.starting == 1)
        with pool.open(IMAGE, HEAD, LIMITS):
            assert pool.spares == 0, "the one that waited is taken, and no other is started"
            machine.starts.set()
            other.result(20)
    assert waiting(pool)
    pool.close()


def test_what_takes_times_waits_for_starts_and_keeps_others_from_starting(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    assert waiting(pool)
    machine.starts.clear()
    with pool.open(IMAGE, HEAD, LIMITS) as box, ThreadPoolExecutor(2) as threads:
        assert soon(lambda: machine.starting == 1)
        machine.answers.clear()
        threads.submit(box.ask, MEASURE, seconds=9)
        time.sleep(0.1)
        assert not machine.asked.is_set()
        machine.starts.set()
        assert machine.asked.wait(9)
        number = len(machine.made)
        use(pool)
        time.sleep(0.1)
        assert pool.spares == 0 and len(machine.made) == number
        machine.answers.set()
        assert waiting(pool)


def test_what_takes_times_waits_for_removals(pool: Pool, machine: Machine) -> None:
    machine.removes.clear()
    with pool.open(IMAGE, HEAD, LIMITS) as box, ThreadPoolExecutor(1) as threads:
        use(pool, BASE)
        threads.submit(box.ask, MEASURE, seconds=9)
        time.sleep(0.1)
        assert not machine.asked.is_set()
        machine.removes.set()
        assert machine.asked.wait(9)


@pytest.mark.parametrize("job", [{"kind": "trial", "message": 3}, {"kind": "run"}, {}, {**MEASURE, "kind": "run"}])
def test_only_measurements_take_times(job: Job) -> None:
    assert takes_times(MEASURE) and not takes_times(job)


def test_no_more_memory_is_promised_than_there_is(clock: Clock) -> None:
    machine = Machine(memory_mb=250)
    pool = Pool(machine, clock=clock)
    with pool.open(IMAGE, HEAD, LIMITS):
        use(pool), use(pool)
        assert waiting(pool), "two fit"
        machine.made.clear()
        with pool.open(IMAGE, BASE, LIMITS):
            assert pool.spares == 0, "what is asked for goes before what may be"
            pool._changed()
            assert pool.spares == 0 and len(machine.made) == 1
    pool.close()


def test_as_many_wait_as_are_allowed_and_no_more_start_at_once_than_processors(machine: Machine) -> None:
    pool = Pool(machine, 0)
    with ThreadPoolExecutor(12) as threads:
        for future in [threads.submit(use, pool) for _ in range(40)]:
            future.result(30)
    assert len(machine.made) == 40 and machine.most == 4
    pool.close()
    pool = Pool(machine)
    for _ in range(30):
        use(pool)
    assert soon(lambda: not pool._starting)
    assert 1 <= pool.spares <= 4
    pool.close()


# ------------------------------------------------------------------------------------------------- the end


def test_closing_ends_what_waits_and_what_is_on_its_way(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    assert waiting(pool)
    machine.starts.clear()
    with pool.open(IMAGE, HEAD, LIMITS):
        assert soon(lambda: machine.starting == 1)
        threading.Timer(0.2, machine.starts.set).start()
        pool.close()
        assert not pool._starting
        open_ = [box for box in machine.made if not box.killed]
        assert len(open_) == 1 and open_[0].alive, "who is open stays"
        assert pool.spares == 0
    pool.close()
    assert all(box.killed for box in machine.made)
    use(pool)
    assert waiting(pool), "it may be used again"


def test_a_removal_keeps_nobody_waiting_until_many_are_outstanding(pool: Pool, machine: Machine) -> None:
    machine.removes.clear()
    for number in range(pools.BEHIND):
        use(pool, Contents(b"%d" % number))  # returns, though nothing can be removed
    assert not any(box.killed for box in machine.made)
    with ThreadPoolExecutor(1) as threads:
        late = threads.submit(use, pool, Contents(b"late"))
        time.sleep(0.1)
        assert not late.done()
        machine.removes.set()
        late.result(20)


class Interrupting(Machine):
    """The n-th start is interrupted, as ^C does it."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at = at

    def start(self, image: Image, limits: Limits) -> Made:
        if len(self.made) == self.at:
            self.at = -1
            raise KeyboardInterrupt
        return super().start(image, limits)


def test_an_interrupted_start_leaves_the_gate_open(clock: Clock) -> None:
    machine = Interrupting(1)
    pool = Pool(machine, 0, clock=clock)
    use(pool)
    with pytest.raises(KeyboardInterrupt):
        use(pool)
    assert pool._gate.memory_mb == 0
    use(pool)
    pool.close()
    assert all(box.killed for box in machine.made)


def test_a_caller_that_is_interrupted_while_one_starts_leaves_nothing(pool: Pool, machine: Machine) -> None:
    use(pool), use(pool)
    assert waiting(pool)
    machine.starts.clear()
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pool.open(IMAGE, HEAD, LIMITS):
            assert soon(lambda: machine.starting == 1)
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(KeyboardInterrupt):
                use(pool)
    finally:
        signal.signal(signal.SIGALRM, before)
    machine.starts.set()
    pool.close()
    assert all(box.killed for box in machine.made) and pool._gate.memory_mb == 0

"""Who is let in when, and how many sandboxes are worth having ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.domain import Image, Limits
from bot.sandboxes.admission import WINDOW, Capacity, Demand, Gate, Kind

IMAGE = Image("image", (3, 11, 7), "made by hand", cached=True, seconds=0.0)
LIMITS = Limits(memory_mb=100)


def soon(wanted: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if wanted():
            return True
        time.sleep(0.01)
    return wanted()


@pytest.mark.parametrize("capacity", [Capacity(1, 0), Capacity(4, 450)], ids=["by-processors", "by-memory"])
def test_who_is_first_in_the_queue_is_first_in(capacity: Capacity) -> None:
    gate = Gate()
    came: list[int] = []
    done = threading.Event()

    def wait_and_come(number: int, memory: int) -> None:
        with gate.entered(memory, capacity):
            came.append(number)
            done.wait(20)

    def enter(number: int, memory: int = 100) -> threading.Thread:
        thread = threading.Thread(target=wait_and_come, args=(number, memory))
        thread.start()
        return thread

    threads = [enter(number) for number in range(4)]
    assert soon(lambda: len(came) == 4) and gate.memory_mb == 400
    for number in (4, 5, 6):
        threads.append(enter(number, 400 if number == 4 else 100))
        assert soon(lambda wanted=number - 3: len(gate._queue) == wanted)  # type: ignore[misc]
    time.sleep(0.1)
    assert len(came) == 4, "nobody comes in when all places are taken"
    done.set()
    for thread in threads:
        thread.join(20)
    assert came[4:] == [4, 5, 6], "a small one does not slip in before a large one that waits"
    assert gate.memory_mb == 0


def test_who_holds_one_does_not_wait_for_itself() -> None:
    gate, capacity = Gate(), Capacity(1, 100)
    with gate.entered(100, capacity), gate.entered(100, capacity), gate.entered(100, capacity):
        assert gate.memory_mb == 300
    with ThreadPoolExecutor(6) as threads:

        def nested() -> None:
            with gate.entered(100, capacity):
                time.sleep(0.01)
                with gate.entered(100, capacity):
                    pass

        for future in [threads.submit(nested) for _ in range(30)]:
            future.result(30)
    assert gate.memory_mb == 0


def test_what_is_larger_than_the_machine_comes_in_alone() -> None:
    gate = Gate()
    with gate.entered(5000, Capacity(2, 100)):
        pass


def test_as_many_as_are_asked_for_while_one_starts() -> None:
    demand, kind = Demand(), Kind.of(IMAGE, LIMITS)
    for number in range(8):
        demand.took(kind, b"tree", 100 + number * 0.25)
    assert demand.wanted(102.0, 1.0) == {(kind, b"tree"): 4}
    assert demand.wanted(102.0, 0.1) == {(kind, b"tree"): 1}
    assert demand.wanted(160.0, 1.0) == {(kind, b"tree"): 1}
    assert demand.wanted(102.0 + WINDOW, 1.0) == {}
    demand.took(kind, b"tree", 300.0)
    demand.took(kind, b"tree", 300.0)
    demand.forget(kind)
    assert demand.wanted(300.0, 1.0) == {}


def test_two_at_the_same_moment_are_worth_one() -> None:
    demand, kind = Demand(), Kind.of(IMAGE, LIMITS)
    demand.took(kind, b"base", 100.0)
    assert demand.wanted(100.0, 1.0) == {}
    demand.took(kind, b"head", 100.0)
    assert demand.wanted(100.0, 1.0) == {(kind, None): 1}
    demand.took(kind, b"head", 100.0)
    assert demand.wanted(100.0, 1.0) == {(kind, b"head"): 1}

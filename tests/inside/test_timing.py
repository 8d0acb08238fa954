"""Times of versions beyond the wall: in turns, on fresh inputs, and honest where there is nothing to time."""

from __future__ import annotations

import base64
import math
import pickle
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from processes import Server, project, serving

from bot import wire_calls
from bot.domain import Unit

pytestmark = pytest.mark.thorough

SHOP = '''\
import functools, sqlite3, subprocess

STORE = sqlite3.connect(":memory:")
STORE.execute("create table rows (n)")


@functools.lru_cache(None)
def slowly(n):
    return sum(range(2000)) + n


def work(values, how="sum"):
    """Does something with values."""
    if how == "sum":
        total = 0
        for value in values:
            total += value
        return total
    if how == "sort":
        values.sort()
        return values[0]
    if how == "lazy":
        return (value * 2 for value in values)
    if how == "raise":
        for value in values:
            pass
        raise ValueError(values)
    if how == "cache":
        return [slowly(value) for value in values]
    if how == "lock":
        import threading
        return [threading.Lock(), sum(values)]
    if how == "sql":
        connection = sqlite3.connect(":memory:")
        connection.execute("create table t (n)")
        connection.executemany("insert into t values (?)", [(value,) for value in values])
        return connection.execute("select count(*) from t").fetchone()
    if how == "store":
        return [STORE.execute("select n from rows where n = ?", (value,)).fetchone() for value in values]
    if how == "open":
        for value in values:
            with open("/dev/null"):
                pass
    if how == "process":
        subprocess.run(["true"])
    if how == "few":
        if len(values) > 3:
            raise ValueError(values)
        return values
    if how == "small":
        return [0] * 256 + ["abc"[value] for value in values]
    if how == "recurse":
        return 1 + work(values[1:], how) if values else 0


alias = work
'''
FILES = {"shop.py": SHOP, "test_shop.py": "import shop\n\ndef test_one():\n    assert shop.work([1]) == 1\n"}
START = SHOP.splitlines().index('def work(values, how="sum"):') + 1
TEXT = SHOP[SHOP.index("def work(") : SHOP.index("alias =")].rstrip() + "\n"
UNIT = Unit("shop.py", START, "work", (), TEXT, parameters=(("values", "p"), ("how", "p")))
BASE = (None, ())


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = project(tmp_path_factory.mktemp("times") / "repo", FILES)
    with serving(home, root, width=2) as made:
        assert made.ask({"kind": "hello"})["tests"] == 1
        spec = {"file": "shop.py", "line": START, "name": "work", "classes": [], "source": TEXT}
        assert made.ask({"kind": "arm", "unit": {**spec, "target_path": []}}) == {"functions": 1}
        yield made


def version(old: str, new: str) -> tuple[str, tuple[str, ...]]:
    assert old in TEXT
    return TEXT.replace(old, new), ()


def measure(
    server: Server, versions: Sequence[tuple[str | None, tuple[str, ...]]], *sources: str, **more: Any
) -> tuple[wire_calls.Timing, ...]:
    inputs = [wire_calls.Input(source=source) for source in sources]
    told = {"scales": [1], "seconds": 1.0, "seed": 0, **more}
    reply = server.ask(wire_calls.measure_message(UNIT, versions, inputs, **told), 60)
    found = wire_calls.read_timings(reply, len(versions), len(inputs))
    assert found is not None, reply
    return found


def ratio(timing: wire_calls.Timing, old: int = 0, new: int = 1) -> float:
    pairs = zip(timing.seconds[old], timing.seconds[new], strict=True)
    return math.exp(statistics.median(math.log(b / a) for a, b in pairs))


def test_equal_versions_take_equal_time_and_a_slower_one_more(server: Server) -> None:
    slower = version("            total += value\n", "            total += value\n            total + 1\n")
    (timing,) = measure(server, [BASE, (TEXT, ()), slower], "(list(range(2000)), 'sum')", seconds=2.0)
    assert timing.how == ("returned",) * 3 and len(set(timing.digests)) == 1
    assert len(timing.seconds[0]) >= 20
    assert ratio(timing) == pytest.approx(1, abs=0.06)
    assert ratio(timing, 0, 2) > 1.12


def test_decorators_that_are_others_are_part_of_a_version(server: Server) -> None:
    kept = ("@functools.lru_cache(None)\n" + TEXT.replace("values[1:]", "values - 1"), ())
    bare = (TEXT.replace("values[1:]", "values - 1"), ())
    (timing,) = measure(server, [kept, bare], "(40, 'recurse')")
    assert timing.how == ("returned",) * 2 and len(set(timing.digests)) == 1
    assert all(timing.seconds) and ratio(timing) < 1.5
    odd = ("@property\n" + TEXT, ())
    inputs = [wire_calls.Input(source="([1], 'sum')")]
    told: dict[str, Any] = {"scales": [1], "seconds": 1.0, "seed": 0}
    assert "no function" in server.ask(wire_calls.measure_message(UNIT, [odd], inputs, **told), 60)["message"]


def test_growth_shows_over_the_scales(server: Server) -> None:
    squared = version("            total += value\n", "            total += value + 0 * (values.count(-1))\n")
    # Small enough for the larger growth to stay far below what a slower version may be cut for.
    found = measure(server, [BASE, squared], "(list(range(25)), 'sum')", scales=[1, 2, 4], seconds=2.0)
    assert [(timing.scale, timing.size) for timing in found] == [(1, 28), (2, 53), (4, 103)]
    assert ratio(found[0]) < ratio(found[1]) < ratio(found[2])


def test_each_call_has_arguments_of_its_own(server: Server) -> None:
    (timing,) = measure(server, [BASE, (TEXT, ())], "([3, 1, 2] * 50, 'sort')")
    assert ratio(timing) == pytest.approx(1, abs=0.1)
    (other,) = measure(server, [BASE, version("values.sort()", "pass")], "([3, 1, 2] * 50, 'sort')")
    assert len(set(other.digests)) == 2 and ratio(other) < 0.5


def test_what_is_much_slower_is_cut_and_not_grown_further(server: Server) -> None:
    loop = version("        total = 0\n", "        total = 0\n        while True: pass\n")
    found = measure(server, [BASE, loop], "([1, 2], 'sum')", scales=[1, 2, 4])
    assert [(timing.scale, timing.how) for timing in found] == [(1, ("returned", "endless"))]
    assert found[0].seconds[1] == () and len(found[0].seconds[0]) >= 5 and found[0].digests[1] == ""


def test_generators_are_run_out(server: Server) -> None:
    costly = version("(value * 2 for value in values)", "(sum(range(value)) for value in values)")
    (timing,) = measure(server, [BASE, costly], "([50] * 50, 'lazy')")
    assert timing.how == ("returned", "returned") and ratio(timing) > 2


def test_what_raises_is_timed_and_said(server: Server) -> None:
    (timing,) = measure(server, [BASE, version("raise ValueError(values)", "return 1")], "([1] * 50, 'raise')")
    assert timing.how == ("raised", "returned") and len(timing.seconds[0]) >= 5


def test_what_cannot_be_compared_is_said(server: Server) -> None:
    (timing,) = measure(server, [BASE, BASE], "([1], 'lock')")
    assert timing.how == ("unusable", "unusable") and timing.digests == ("", "") and timing.seconds[0]


def test_caches_of_functions_are_emptied(server: Server) -> None:
    direct = version("slowly(value)", "(sum(range(2000)) + value)")
    (timing,) = measure(server, [BASE, direct], "([1, 2, 3], 'cache')")
    assert 0.5 < ratio(timing) < 2


def test_recursion_runs_the_version_itself(server: Server) -> None:
    costly = version("1 + work(values[1:], how)", "1 + work(values[1:], how) + 0 * sum(range(500))")
    (timing,) = measure(server, [BASE, costly], "([1] * 20, 'recurse')")
    assert ratio(timing) > 5


def test_memory_is_counted(server: Server) -> None:
    large = version("        total = 0\n", "        total = 0\n        copy = [0] * 300000\n")
    (timing,) = measure(server, [BASE, large], "([1], 'sum')")
    assert timing.memory_kb[0] < 100 and 2000 < timing.memory_kb[1] < 3000


@pytest.mark.parametrize(
    ("how", "counts"),
    [
        ("sql", {"sql": 3}),
        ("store", {"sql": 3}),
        ("open", {"open": 3}),
        ("sum", {}),
    ],
)
def test_what_reaches_out_is_counted(server: Server, how: str, counts: dict[str, int]) -> None:
    (timing,) = measure(server, [BASE], f"([1, 2, 3], {how!r})")
    assert timing.events == (counts,)


def test_processes_are_counted(server: Server) -> None:
    (timing,) = measure(server, [BASE], "([1], 'process')")
    assert timing.events[0]["process"] == 1


def test_grown_inputs_that_only_raise_are_left_out(server: Server) -> None:
    found = measure(server, [BASE, BASE], "([1, 2, 3], 'few')", scales=[1, 2])
    assert [timing.scale for timing in found] == [1]


def test_values_that_may_not_be_others_are_repeated(server: Server) -> None:
    found = measure(server, [BASE, BASE], "([0, 1, 2], 'small')", scales=[1, 4])
    assert [(timing.scale, timing.how[0]) for timing in found] == [(1, "returned"), (4, "returned")]


def test_recorded_inputs_and_those_that_cannot_be_made(server: Server) -> None:
    pickled = base64.b64encode(pickle.dumps([[1, 2], "sum"])).decode()
    inputs = [wire_calls.Input(source="(1"), wire_calls.Input(pickled=pickled)]
    message = wire_calls.measure_message(UNIT, [BASE], inputs, scales=[1], seconds=1.0, seed=0)
    found = wire_calls.read_timings(server.ask(message), 1, 2)
    assert found is not None and [timing.input for timing in found] == [1]


def test_time_is_shared_and_kept(server: Server) -> None:
    import time

    began = time.monotonic()
    found = measure(server, [BASE, BASE], *["(list(range(500)), 'sum')"] * 4, scales=[1, 2, 4, 8], seconds=2.0)
    assert time.monotonic() - began < 20, "sixteen measurements that took the whole time each would take 32 s"
    assert len(found) >= 8 and {timing.input for timing in found} == {0, 1, 2, 3}


def test_a_measurement_runs_alone(server: Server) -> None:
    inputs = [wire_calls.Input(source="(list(range(500)), 'sum')")]
    first = server.send(wire_calls.measure_message(UNIT, [BASE], inputs, scales=[1], seconds=1.0, seed=0))
    call = {"derive": 0, "seed": 0, "seconds": 1.0, "step_limit": 10**6, "start": 0}
    second = server.send(wire_calls.call_message(UNIT, None, (), inputs, **call))
    assert server.answer(first)["status"] == "ran"
    assert server.answer(second)["status"] == "ran"


def test_versions_that_cannot_be_put_in_place(server: Server) -> None:
    inputs = [wire_calls.Input(source="([1], 'sum')")]
    for text in ("def work(:\n", "def other():\n    pass\n"):
        message = wire_calls.measure_message(UNIT, [BASE, (text, ())], inputs, scales=[1], seconds=1.0, seed=0)
        assert wire_calls.read_timings(server.ask(message), 2, 1) is None

"""Single calls beyond the wall: what each did is told honestly, whatever it does to its process."""

from __future__ import annotations

import base64
import pickle
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import Json, Server, project, serving

from bot import wire, wire_calls
from bot.domain import Unit
from tryline_inside import calls, recorder

SHOP = '''\
import asyncio, collections, dataclasses, functools, itertools, os, sys, threading, time


@dataclasses.dataclass
class Item:
    price: float


class Basket:
    def __init__(self, items):
        self.items = items


def work(x, y=None, *rest, key=0, **more):
    """Every way in which a call can end."""
    if x == "value":
        return [y, rest, key, more]
    if x == "raise":
        raise ValueError(
            "no"
        )
    if x == "assert":
        assert y, "empty"
    if x == "index":
        return y[3]
    if x == "argument":
        raise ValueError(int(y))
    if x == "inner":
        return [helper(n) for n in y]
    if x == "again":
        try:
            return y[3]
        except IndexError:
            raise
    if x == "instead":
        try:
            return y[3]
        except IndexError as problem:
            raise KeyError("gone") from problem
    if x == "nested":
        def check(n):
            raise ValueError(n)
        return check(y)
    if x == "loop":
        while True:
            pass
    if x == "sleep":
        time.sleep(60)
    if x == "deaf":
        while True:
            try:
                time.sleep(60)
            except BaseException:
                pass
    if x == "exit":
        sys.exit(3)
    if x == "die":
        os._exit(3)
    if x == "crash":
        os.kill(os.getpid(), 11)
    if x == "print":
        print("x" * 100000)
        return 1
    if x == "mutate":
        y.append(rest[0])
        return len(y)
    if x == "lazy":
        return (n * 2 for n in y)
    if x == "map":
        return map(str, y)
    if x == "endless":
        return itertools.count(y)
    if x == "lock":
        return [threading.Lock()]
    if x == "closure":
        return lambda: y
    if x == "iterator":
        return {"a": iter(y)}
    if x == "set":
        return {str(n) for n in y}
    if x == "nan":
        return [float("nan"), 0.1 + 0.2]
    if x == "cycle":
        loop = [1]
        loop.append(loop)
        return loop
    if x == "object":
        return Basket([Item(y), Item(2)])
    if x == "deep":
        node = y
        for n in range(30):
            node = {"next": node}
        return node
    if x == "deque":
        return collections.deque(y)
    if x == "coroutine":
        return later(y)
    if x == "stream":
        return stream(y)
    return x


def helper(n):
    raise TypeError(n)


async def later(n):
    await asyncio.sleep(0.001)
    return n + 1


async def stream(n):
    for i in range(n):
        yield i
'''
FILES = {"shop.py": SHOP, "test_shop.py": "import shop\n\ndef test_one():\n    assert shop.work(1) == 1\n"}
START = SHOP.splitlines().index("def work(x, y=None, *rest, key=0, **more):") + 1
TEXT = SHOP[SHOP.index("def work(") : SHOP.index("def helper(")].rstrip() + "\n"
UNIT = Unit(
    "shop.py",
    START,
    "work",
    (),
    TEXT,
    parameters=(("x", "p"), ("y", "p"), ("rest", "*"), ("key", "k"), ("more", "**")),
)


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = project(tmp_path_factory.mktemp("calls") / "repo", FILES)
    with serving(home, root, width=2) as made:
        assert made.ask({"kind": "hello"})["tests"] == 1
        spec = {"file": "shop.py", "line": START, "name": "work", "classes": [], "source": TEXT}
        assert made.ask({"kind": "arm", "unit": {**spec, "target_path": []}}) == {"functions": 1}
        yield made


def inputs(*sources: str, needs: tuple[str, ...] = ()) -> list[wire_calls.Input]:
    return [wire_calls.Input(source=source, needs=needs, origin="generated") for source in sources]


def ask(server: Server, given: list[wire_calls.Input], source: str | None = None, **more: Any) -> Json:
    told = {"derive": 0, "seed": 0, "seconds": 5.0, "step_limit": 50_000, "start": 0, **more}
    return server.ask(wire_calls.call_message(UNIT, source, (), given, **told))


def call(server: Server, *sources: str, source: str | None = None) -> list[wire_calls.Called]:
    batch = wire_calls.read_calls(ask(server, inputs(*sources), source), 0)
    assert batch.complete and len(batch.rows) == len(sources), batch
    return list(batch.rows)


def one(server: Server, what: str, rest: str = "None, (), 0, {}") -> wire_calls.Called:
    return call(server, f"({what!r}, {rest})")[0]


def test_arguments_go_where_the_parameters_say(server: Server) -> None:
    done = one(server, "value", "1, (2, 3), 4, {'z': 5}")
    assert (done.how, done.result, done.answer) == (
        "returned",
        "[1, (2, 3), 4, {'z': 5}]",
        "[1, (2, 3), 4, {'z': 5}]",
    )
    assert done.source == "('value', 1, (2, 3), 4, {'z': 5})" and done.origin == "generated"
    assert done.arguments == "'value', 1, (2, 3), 4, {'z': 5}"
    assert done.steps == 2 and not done.changed


@pytest.mark.parametrize(
    ("what", "rest", "raised", "explicit", "text"),
    [
        ("raise", "None", "ValueError", True, "raise ValueError("),
        ("assert", "[]", "AssertionError", True, 'assert y, "empty"'),
        ("index", "[]", "IndexError", False, "return y[3]"),
        ("argument", "'a'", "ValueError", False, "raise ValueError(int(y))"),
        ("argument", "'1'", "ValueError", True, "raise ValueError(int(y))"),
        ("inner", "[1]", "TypeError", False, "return [helper(n) for n in y]"),
        ("again", "[]", "IndexError", False, "return y[3]"),
        ("instead", "[]", "KeyError", True, 'raise KeyError("gone") from problem'),
        ("nested", "1", "ValueError", True, "raise ValueError(n)"),
    ],
)
def test_who_raised_is_told(server: Server, what: str, rest: str, raised: str, explicit: bool, text: str) -> None:
    done = one(server, what, f"{rest}, (), 0, {{}}")
    assert (done.how, done.raised, done.explicit) == ("raised", raised, explicit)
    lines = [number for number, line in enumerate(SHOP.splitlines(), 1) if line.strip() == text]
    assert done.line in lines
    assert done.result.startswith(raised) and not done.answer


def test_the_version_that_ran_is_the_one_whose_statements_count(server: Server) -> None:
    text = "def work(x, y=None, *rest, key=0, **more):\n    if y:\n        raise ValueError(y)\n    return y[0]\n"
    calls = call(server, "(1, 2, (), 0, {})", "(1, None, (), 0, {})", source=text)
    assert [(c.raised, c.explicit, c.line - START) for c in calls] == [
        ("ValueError", True, 2),
        ("TypeError", False, 3),
    ]


@pytest.mark.thorough
@pytest.mark.parametrize("what", ["loop", "sleep", "deaf"])
def test_what_does_not_end_is_cut(server: Server, what: str) -> None:
    reply = ask(server, inputs("(1, 2, (), 0, {})", f"({what!r}, None, (), 0, {{}})", "(3, 2, (), 0, {})"))
    rows = wire_calls.read_calls(reply, 0).rows
    assert [row.how for row in rows][:2] == ["returned", "endless"]
    assert rows[1].digest == wire.digest("endless||")
    assert rows[1].source == f"({what!r}, None, (), 0, {{}})"
    assert (what == "deaf") == (len(rows) == 2)


@pytest.mark.parametrize(("what", "said"), [("die", "exit code 3"), ("crash", "signal 11")])
def test_a_call_that_ends_its_process_is_known(server: Server, what: str, said: str) -> None:
    given = inputs("(1, 2, (), 0, {})", f"({what!r}, None, (), 0, {{}})", "(3, 2, (), 0, {})")
    first = wire_calls.read_calls(ask(server, given), 0)
    assert [row.how for row in first.rows] == ["returned", "left"] and not first.complete
    assert said in first.rows[1].result and first.rows[1].arguments.startswith(repr(what))
    rest = wire_calls.read_calls(ask(server, given, start=2), 2)
    assert rest.complete and [row.result for row in rest.rows] == ["3"]


def test_leaving_is_told(server: Server) -> None:
    done = one(server, "exit")
    assert (done.how, done.raised, done.result) == ("left", "SystemExit", "SystemExit: 3")


def test_what_is_printed_is_nobodys(server: Server) -> None:
    assert one(server, "print").result == "1"


def test_changed_arguments_are_told(server: Server) -> None:
    done = one(server, "mutate", "[1], (2,), 0, {}")
    assert done.changed and done.source == "('mutate', [1], (2,), 0, {})"
    assert done.after == "('mutate', [1, 2], (2,), 0, {})"
    other = one(server, "mutate", "[1], (3,), 0, {}")
    assert other.answer == done.answer == "2" and other.digest != done.digest


@pytest.mark.parametrize(
    ("what", "argument", "answer"),
    [
        ("lazy", "[1, 2]", "[2, 4]"),
        ("map", "[1, 2]", "['1', '2']"),
        ("coroutine", "1", "2"),
        ("stream", "3", "[0, 1, 2]"),
        ("set", "[2, 1]", "{'1', '2'}"),
        ("nan", "0", '[float("nan"), 0.30000000000000004]'),
        ("object", "1", "shop.Basket(items=[shop.Item(price=1), shop.Item(price=2)])"),
        ("deque", "[1]", "collections.deque([1])"),
        ("cycle", "0", ""),
    ],
)
def test_results_become_data(server: Server, what: str, argument: str, answer: str) -> None:
    first, second = call(server, *[f"({what!r}, {argument}, (), 0, {{}})"] * 2)
    assert first.how == "returned" and first.answer == answer
    assert first.digest == second.digest != ""


def test_an_endless_generator_has_an_outcome_and_no_source(server: Server) -> None:
    done = one(server, "endless", "5, (), 0, {}")
    assert done.how == "returned" and done.digest and not done.answer


@pytest.mark.parametrize("what", ["lock", "closure", "iterator"])
def test_what_cannot_be_seen_is_not_compared(server: Server, what: str) -> None:
    done = one(server, what, "[1], (), 0, {}")
    if what == "iterator":  # its state can be seen
        assert done.how == "returned" and done.digest != one(server, what, "[2], (), 0, {}").digest
    else:
        assert (done.how, done.digest) == ("unusable", "")


def test_what_lies_deep_counts(server: Server) -> None:
    assert one(server, "deep", "1, (), 0, {}").digest != one(server, "deep", "2, (), 0, {}").digest
    assert one(server, "object", "1, (), 0, {}").digest != one(server, "object", "3, (), 0, {}").digest


def test_pickles_and_their_variants(server: Server) -> None:
    pickled = base64.b64encode(pickle.dumps(["value", 5, (), 0, {}])).decode()
    given = [wire_calls.Input(pickled=pickled), wire_calls.Input(source="(1, 2")]
    rows = wire_calls.read_calls(ask(server, given, derive=8, seed=3), 0).rows
    again = wire_calls.read_calls(ask(server, given, derive=8, seed=3), 0).rows
    assert rows == again and len(rows) == 18
    assert [row.origin for row in rows[:3]] == ["recorded", "derived", "derived"]
    assert len({row.source for row in rows[:9]}) > 4
    assert {row.how for row in rows[9:]} == {"unusable"}


def test_a_source_that_hangs_or_does_not_fit_is_unusable(server: Server) -> None:
    hang = "(sum(1 for _ in iter(int, 1)),)"
    given = [*inputs(hang, "(1,)", "nothing", "1"), *inputs("(math.pi,2,(),0,{})", needs=("import math",))]
    rows = wire_calls.read_calls(ask(server, given), 0).rows
    assert [row.how for row in rows] == ["unusable"] * 4 + ["returned"]


@pytest.mark.thorough
def test_time_runs_out_and_the_rest_is_left(server: Server) -> None:
    reply = ask(server, inputs(*["('sleep', None, (), 0, {})"] * 20), seconds=1.0)
    batch = wire_calls.read_calls(reply, 0)
    assert not batch.complete and 2 <= len(batch.rows) <= 5


def test_a_version_that_cannot_be_put_in_place_is_told(server: Server) -> None:
    for text in ("def work(:\n", "async def work(x):\n    pass\n"):
        assert not wire_calls.read_calls(ask(server, inputs("(1, 2, (), 0, {})"), text), 0).usable


def test_a_busy_machine_makes_no_call_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = calls.Clock()
    began = time.monotonic()
    with pytest.raises(recorder.StepLimit):
        clock.limited(lambda: time.sleep(60), 0.1)
    assert time.monotonic() - began < 0.2 + calls.BUSY * 0.1  # asleep is not kept from the CPU
    share = time.monotonic
    monkeypatch.setattr(calls.time, "process_time", lambda: share() * 0.1)  # as if others had the CPU
    until = time.monotonic() + 0.25

    def work() -> str:
        while time.monotonic() < until:
            pass
        return "done"

    assert clock.limited(work, 0.1) == "done"

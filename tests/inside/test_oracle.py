"""The function in a process of its own: what crosses, what is noticed, and what the tests see of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from processes import Json, Server, project, serving

SHOP = """\
import dataclasses, enum, collections, functools, os, re, sys


class Missing(KeyError):
    def __init__(self, name, where):
        super().__init__(name)
        self.where = where


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


LIMIT = 1
MISSING = object()
WORDS = re.compile("[a-z]+")


class Token(tuple):
    def __getattr__(self, name):
        made = Token(self + (name,))
        setattr(self, name, made)
        return made


KEYWORD = Token().Keyword
NUMBER = KEYWORD.Number
def double(value):
    return 2 * value
twice = lambda value: 2 * value
Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Item:
    name: str
    price: int = 0


class Cart:
    def __init__(self):
        self.items = []
        self.count = 0


def work(what, *args, **named):
    if what == "sum":
        return sum(args)
    if what == "echo":
        return args[0]
    if what == "named":
        return named
    if what == "append":
        args[0].append(args[1])
        return None
    if what == "same":
        return args[0][0]
    if what == "missing":
        raise Missing("x", args[0])
    if what == "file":
        open("/no/such/file")
    if what == "exit":
        sys.exit(3)
    if what == "pair":
        return Pair(args[0].right, args[0].left)
    if what == "colour":
        return Colour.BLUE if args[0] is Colour.RED else Colour.RED
    if what == "item":
        return [Item(a.name.upper(), a.price + 1) for a in args]
    if what == "missing?":
        return args[0] is MISSING, (MISSING, WORDS, NUMBER)[args[1]]
    if what == "words":
        return args[0].findall(args[1])
    if what == "cart":
        args[0].items.append(args[1])
        args[0].count += 1
        return args[0]
    if what == "key":
        return sorted(args[0], key=args[1])
    if what == "lambda":
        return args[0](1)
    if what == "generator":
        return (x for x in args)
    if what == "deep":
        return work("deep", args[0] - 1) + 1 if args[0] else 0
    if what == "loop":
        while True:
            pass
    if what == "die":
        os._exit(0)
    if what == "pid":
        return os.getpid()
    raise ValueError("unknown: %s" % what)
"""
WORK = SHOP[SHOP.index("def work") :]
LINE = SHOP[: SHOP.index("def work")].count("\n") + 1
TESTS = """\
import inspect, os
import pytest
import shop
from shop import work

PLAIN = [
    None, True, 0, -1, 1 << 80, -(1 << 80), 0.0, -0.0, float("inf"), 1.5, 2j, "", "a\\ud800\\udc00b",
    "\\U00010000", b"\\x00\\xff", bytearray(b"xy"), [], [1, [2, (3,)]], (), {}, {1: "a", (1, 2): [3]}, set(),
    {1, 2}, frozenset("ab"),
    range(1, 10, 2), slice(1, None, 2), ..., NotImplemented,
]


@pytest.mark.parametrize("value", PLAIN, ids=range(len(PLAIN)))
def test_plain(value):
    got = work("echo", value)
    assert type(got) is type(value) and repr(got) == repr(value) and got == value


def test_nan():
    got = work("echo", float("nan"))
    assert got != got

def test_dates():
    from datetime import date, datetime, time, timedelta, timezone
    from decimal import Decimal
    from fractions import Fraction
    from pathlib import Path, PurePosixPath
    from uuid import UUID
    for value in (
        date(2024, 2, 29), datetime(2024, 2, 29, 1, 2, 3, 4, fold=1), time(1, 2, tzinfo=timezone.utc),
        timedelta(-1, 5, 7), datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=2), "X")), timezone.utc,
        Decimal("1.50"), Decimal("NaN"), Fraction(-1, 3), Path("/a"), PurePosixPath("a/b"), UUID(int=5),
    ):
        got = work("echo", value)
        assert type(got) is type(value) and repr(got) == repr(value)
    assert work("echo", timezone.utc) is timezone.utc

def test_apart():
    assert work("pid") != os.getpid()

def test_named():
    assert work("named", a=1, b=[2]) == {"a": 1, "b": [2]}
    assert list(work("named", b=1, a=2)) == ["b", "a"]

def test_mutation():
    held = [1]
    outer = {"held": held}
    work("append", held, 2)
    assert outer["held"] is held and held == [1, 2]

def test_aliases():
    held = [[], 1]
    assert work("same", held) is held[0]
    assert work("echo", held) is held
    loop = []
    loop.append(loop)
    assert work("echo", loop) is loop
    work("append", held, held)
    assert held[2] is held
    one = []
    both = work("append", both_lists := [one, one], one)
    assert both_lists[2] is one and both is None

def test_raises():
    with pytest.raises(shop.Missing) as caught:
        work("missing", [1])
    assert caught.value.where == [1] and caught.value.args == ("x",) and str(caught.value) == "'x'"
    with pytest.raises(FileNotFoundError, match="no/such") as other:
        work("file")
    assert other.value.filename == "/no/such/file" and other.value.errno == 2
    with pytest.raises(SystemExit) as last:
        work("exit")
    assert last.value.code == 3

def test_objects():
    assert work("pair", shop.Pair(1, [2])) == shop.Pair([2], 1)
    assert type(work("pair", shop.Pair(1, 2))) is shop.Pair
    assert work("colour", shop.Colour.RED) is shop.Colour.BLUE
    assert work("item", shop.Item("a"), shop.Item("b", 2)) == [shop.Item("A", 1), shop.Item("B", 3)]

def test_state():
    cart = shop.Cart()
    items = cart.items
    assert work("cart", cart, "x") is cart
    assert cart.items is items and items == ["x"] and cart.count == 1

def test_functions_by_name():
    assert work("key", ["bb", "a"], len) == ["a", "bb"]

def test_deep():
    assert work("deep", 50) == 50

def test_signature():
    assert str(inspect.signature(work)) == "(what, *args, **named)" and work.__name__ == "work"

def test_wrong():
    assert work("sum", 1, 2) == 4

def test_unknown():
    work("what")

def test_missing_argument():
    work()

def test_lambda():
    assert work("lambda", lambda n: n) == 1

def test_generator():
    assert list(work("generator", 1)) == [1]

def test_loop():
    work("loop")

def test_die():
    work("die")

def test_swallows_death():
    try:
        work("die")
    except BaseException:
        pass

def test_swallows_lambda():
    try:
        work("lambda", lambda n: n)
    except BaseException:
        pass

def test_landmarks():
    assert work("missing?", shop.MISSING, 2) == (True, shop.NUMBER)
    assert work("missing?", object, 0)[1] is shop.MISSING
    assert work("missing?", shop.KEYWORD.Number, 2)[1] is shop.NUMBER
    assert work("words", shop.WORDS, "a b") == ["a", "b"]
    assert work("key", [2, 1], shop.twice) == [1, 2]
    assert work("echo", shop.double) is shop.double

def test_patched(monkeypatch):
    monkeypatch.setattr(shop, "LIMIT", 5)
    monkeypatch.setattr(os.path, "sep", "?")
    monkeypatch.setenv("LIMIT", "7")
    assert work("sum", 1, 2) == 3

def test_fixtures(tmp_path, monkeypatch, capsys):
    print(work("sum", 1))
    assert capsys.readouterr().out == "1\\n"
"""
UNIT: Json = {"file": "shop.py", "line": LINE, "name": "work", "classes": [], "source": WORK, "target_path": []}
GOOD = [f"test_{name}" for name in ("nan", "dates", "apart", "named", "mutation", "aliases", "raises", "objects")]
GOOD += ["test_state", "test_functions_by_name", "test_deep", "test_signature", "test_fixtures", "test_landmarks"]


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = project(tmp_path_factory.mktemp("apart") / "repo", {"shop.py": SHOP, "test_shop.py": TESTS})
    with serving(home, root) as found:
        found.ask({"kind": "arm", "unit": UNIT})
        yield found


def trial(server: Server, *names: str, source: str = WORK, **more: Any) -> Json:
    tests = [f"test_shop.py::{name}" for name in names]
    message = {
        "kind": "trial",
        "source": source,
        "tests": tests,
        "seconds": 10,
        "step_limit": 10_000,
        "apart": True,
    }
    return server.ask({**message, **more}, seconds=120)


def rows(answer: Json) -> dict[str, list[Any]]:
    return {row[0].split("::")[1]: row[1:] for row in answer["rows"]}


def test_values_come_back_as_they_were(server: Server) -> None:
    answer = trial(server, *(f"test_plain[{n}]" for n in range(28)), *GOOD)
    assert answer["apart"] is True and answer["status"] == "ran"
    assert {name: row[1] for name, row in rows(answer).items() if row[0] != "passed"} == {}
    assert len(answer["rows"]) == 28 + len(GOOD)


@pytest.mark.parametrize("name", ["test_wrong", "test_unknown", "test_missing_argument", "test_loop"])
def test_red_tests_say_what_they_say_in_one_process(server: Server, name: str) -> None:
    apart, together = rows(trial(server, name))[name], rows(trial(server, name, apart=False))[name]
    assert apart[0] == together[0] != "passed"
    assert apart[1:3] == together[1:3]
    if name == "test_unknown":
        assert apart[3] == together[3] > LINE
    assert apart[5] == together[5]


@pytest.mark.parametrize("name", ["test_lambda", "test_swallows_lambda", "test_generator"])
def test_what_is_not_plain_is_said(server: Server, name: str) -> None:
    answer = trial(server, "test_named", name)
    assert answer["status"] == "not-plain" and answer["apart"]
    assert ("argument" if "lambda" in name else "class generator") in answer["message"]


@pytest.mark.parametrize("name", ["test_die", "test_swallows_death"])
def test_the_function_s_end_is_nobody_s_success(server: Server, name: str) -> None:
    answer = trial(server, "test_named", name)
    assert (
        answer["status"] == "crashed" and "rows" not in answer and "process of the function" in answer["message"]
    )


@pytest.mark.parametrize("read", ["LIMIT", "os.path.sep", "os.environ['HOME']"])
def test_what_tests_replace_is_not_seen_and_that_is_said(server: Server, read: str) -> None:
    new = WORK.replace("return sum(args)", f"return sum(args) if {read} else 3")
    answer = trial(server, "test_named", "test_patched", source=new)
    assert answer["status"] == "not-plain" and read.partition("[")[0] in answer["message"]
    assert trial(server, "test_named", source=new)["status"] == "ran"
    assert trial(server, "test_patched")["status"] == "ran"

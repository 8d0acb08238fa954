"""Values as Python source: what comes out gives an equal value again, and what cannot be written has none."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import itertools
import math
import pathlib
import re
import threading
import types
import typing
import uuid
from typing import Any
from unittest import mock

import pytest

from bot import wire, wire_calls
from tryline_inside import express, recorder


class Colour(enum.Enum):
    RED = 1


class Flags(enum.Flag):
    A = 1
    B = 2


class Point(typing.NamedTuple):
    x: int
    y: int = 0


Pair = collections.namedtuple("Pair", "left right")


@dataclasses.dataclass
class Item:
    name: str
    price: float = 0.0
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen:
    n: int
    doubled: int = dataclasses.field(init=False, default=2)


@dataclasses.dataclass
class Checked:
    n: int

    def __post_init__(self) -> None:
        RAN.append("post")


class Cart:
    def __init__(self, prices: list[int], owner: str = "") -> None:
        RAN.append("init")
        self.prices = prices
        self._owner = owner

    class Line:
        def __init__(self) -> None:
            self.n = 1


class Odd:
    def __init__(self, path: str) -> None:
        self.length = len(path)


class Bare:
    pass


class Slotted:
    __slots__ = ("a",)

    def __init__(self) -> None:
        self.a = 1


class Refusing:
    def __init__(self, n: int) -> None:
        raise ValueError(n)


class Trouble(Exception):
    pass


class Sneaky:
    """Everything that a class can do to be noticed."""

    def __init__(self) -> None:
        self.__dict__["x"] = 1

    def __repr__(self) -> str:
        RAN.append("repr")
        return "Sneaky()"

    def __eq__(self, other: object) -> bool:
        RAN.append("eq")
        return True

    def __hash__(self) -> int:
        RAN.append("hash")
        return 1

    def __getattr__(self, name: str) -> Any:
        RAN.append("getattr")
        raise AttributeError(name)

    def __reduce__(self) -> Any:
        RAN.append("reduce")
        return (Bare, ())


RAN: list[str] = []


def named() -> None:
    pass


def local() -> Any:
    def inner() -> None:
        pass

    return inner


PLAIN: list[Any] = [
    None,
    True,
    -3,
    10**30,
    1.5,
    float("inf"),
    -0.0,
    1j,
    complex(float("nan"), 1),
    "a'\n\u2028\ud800",
    b"\x00a",
    bytearray(b"a"),
    ...,
    range(1, 9, 2),
    slice(1, None),
    [1, [2, (3,)], {"a": {1, 2}}],
    (),
    set(),
    frozenset(),
    frozenset({"b", "a"}),
    {1: {}, "x": None},
    decimal.Decimal("1.50"),
    fractions.Fraction(1, 3),
    datetime.datetime(2020, 1, 2, 3, tzinfo=datetime.UTC),
    datetime.date(2020, 1, 2),
    datetime.time(1, 2),
    datetime.timedelta(days=1, seconds=2),
    datetime.timezone(datetime.timedelta(hours=1)),
    pathlib.Path("/a/b"),
    pathlib.PurePosixPath("c"),
    uuid.UUID(int=5),
    re.compile("a+", re.IGNORECASE | re.MULTILINE),
    re.compile(b"x"),
    collections.Counter("aab"),
    collections.deque([1, 2], maxlen=3),
    collections.defaultdict(list, {"a": [1]}),
    collections.OrderedDict([("b", 1), ("a", 2)]),
    types.SimpleNamespace(a=1),
    functools.partial(int, "10", base=2),
    int,
    len,
    math.sqrt,
    named,
    Cart,
    Cart.Line,
    math,
    Colour.RED,
    Point(1, 2),
    Pair("l", [1]),
    Item("a", 1.5, ["x"]),
    Frozen(3),
    Bare(),
    KeyError("x"),
    Trouble("a", 1),
]


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("constructors", [False, True])
def test_what_comes_out_gives_an_equal_value(value: object, constructors: bool) -> None:
    source, needs = express.express(value, constructors)
    assert source, value
    assert recorder.canon(express.evaluate(source, needs), 40) == recorder.canon(value, 40)


def test_float_nan() -> None:
    assert express.express([float("nan")]) == ('[float("nan")]', [])


def test_reads_as_one_would_write_it() -> None:
    module = Item.__module__
    assert express.express(Item("a", 1.5)) == (
        f"{module}.Item(name='a', price=1.5, tags=[])",
        [f"import {module}"],
    )
    assert express.express(Point(1)) == (f"{module}.Point(x=1, y=0)", [f"import {module}"])
    assert express.express(datetime.date(2020, 1, 2)) == ("datetime.date(2020, 1, 2)", ["import datetime"])
    assert express.express({"b", "a"})[0] == "{'a', 'b'}"


LOOP: list[Any] = []
LOOP.append(LOOP)
NONE: list[Any] = [
    lambda: 1,
    local(),
    threading.Lock(),
    iter([1]),
    itertools.count(),
    (n for n in [1]),
    object(),
    LOOP,
    list(range(5000)),
    "a" * 5000,
    mock.Mock(),
    Flags.A | Flags.B,
    Slotted(),
]


@pytest.mark.parametrize("value", NONE, ids=lambda value: type(value).__name__)
def test_what_cannot_be_written_has_no_source(value: object) -> None:
    assert express.express(value) == ("", [])
    assert express.express([value], constructors=True) == ("", [])


def test_attributes_are_put_in_where_a_constructor_may_not_run() -> None:
    cart = Cart([1, 2], "me")
    RAN.clear()
    source, needs = express.express(cart)
    assert source == f"made({Cart.__module__}.Cart, prices=[1, 2], _owner='me')"
    assert needs == [f"import {Cart.__module__}", express.MADE]
    assert not RAN
    again = express.evaluate(source, needs)
    assert again.prices == [1, 2] and again._owner == "me"


def test_a_constructor_that_gives_the_same_is_read_more_easily() -> None:
    assert express.express(Cart([1], "me"), constructors=True) == (
        f"{Cart.__module__}.Cart(prices=[1], owner='me')",
        [f"import {Cart.__module__}"],
    )


def test_one_that_gives_something_else_is_not_taken() -> None:
    for value in (Odd("abc"), Refusing.__new__(Refusing)):
        source, _ = express.express(value, constructors=True)
        assert source.startswith("made("), source


def test_nothing_of_the_repository_runs() -> None:
    values = [Sneaky(), Checked(1), Cart([1])]
    RAN.clear()
    for value in values:
        source, needs = express.express([value, {"a": value}])
        assert source.startswith("[made("), source
        assert "made(" in "".join(needs)
    assert not RAN


def test_the_host_knows_the_helper_that_attributes_need() -> None:
    assert express.MADE == wire_calls.MADE
    assert wire.needed(["import shop", express.MADE]) == ("import shop", express.MADE)


def test_a_name_that_hides_its_module_is_imported_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    package, inner = types.ModuleType("pack"), types.ModuleType("pack.cart")

    class cart:
        pass

    cart.__module__, cart.__qualname__ = "pack.cart", "cart"
    vars(package)["cart"] = vars(inner)["cart"] = cart
    package.__path__ = []
    monkeypatch.setitem(__import__("sys").modules, "pack", package)
    monkeypatch.setitem(__import__("sys").modules, "pack.cart", inner)
    assert express.express(cart()) == ("cart()", ["from pack.cart import cart"])


def test_large_values_are_given_up_soon() -> None:
    import time

    began = time.perf_counter()
    assert express.express([[list(range(100)) for _ in range(1000)] for _ in range(100)]) == ("", [])
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    assert express.express(deep) == ("", [])
    assert time.perf_counter() - began < 3

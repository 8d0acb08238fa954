"""Plain data as nodes: exact types come back, aliases stay aliases, and what is no node is refused."""

from __future__ import annotations

import collections
import datetime
import enum
import json
import threading
from typing import Any, NamedTuple

import pytest

from tryline_inside import plain


class Point(NamedTuple):
    x: int
    y: Any


class Colour(enum.Enum):
    RED = 1


class Slotted:
    __slots__ = ("__hidden", "shown")

    def __init__(self) -> None:
        self.__hidden, self.shown = [1], 2

    def values(self) -> tuple[Any, Any]:
        return self.__hidden, self.shown


class Refuses:
    def __init__(self) -> None:
        raise AssertionError("no constructor is to run")

    def __setattr__(self, name: str, value: object) -> None:
        raise AssertionError("nothing of the class's own is to run")


def there_and_back(value: Any) -> Any:
    packer = plain.Packer()
    node = json.loads(json.dumps(packer.pack(value)))
    unpacker = plain.Unpacker()
    found = unpacker.unpack(node)
    assert len(unpacker.made) == len(packer.kept), "both number alike"
    return found


def test_types_and_aliases_stay() -> None:
    inner: list[Any] = [1]
    value = [inner, (inner, {"a": inner}), Point(1, inner), Colour.RED, {1, 2}, frozenset([Point(1, 2)])]
    found = there_and_back(value)
    assert found == value and type(found[2]) is Point and found[3] is Colour.RED
    assert found[0] is found[1][0] is found[1][1]["a"] is found[2].y


def test_collections_keep_what_they_are() -> None:
    counted = collections.Counter("aab")
    sorted_out = collections.OrderedDict(b=1, a=[2])
    grouped = collections.defaultdict(list, a=[1])
    queue = collections.deque([1, 2], maxlen=2)
    found = there_and_back([counted, sorted_out, grouped, queue, collections.defaultdict(None)])
    assert found == [counted, sorted_out, grouped, queue, {}]
    assert [type(value) for value in found] == [type(v) for v in (counted, sorted_out, grouped, queue, grouped)]
    assert found[2]["new"] == [] and found[3].maxlen == 2 and list(found[1]) == ["b", "a"]
    plain.fill(counted, {"a": 1})
    assert counted == {"a": 1}


def test_instances_are_made_of_their_attributes() -> None:
    bare = Refuses.__new__(Refuses)
    vars(bare).update(x=[1], y=bare)
    found = there_and_back(bare)
    assert type(found) is Refuses and found.x == [1] and found.y is found
    assert there_and_back(Slotted()).values() == ([1], 2)


def test_what_is_within_itself_through_a_tuple_is_not_plain() -> None:
    held: list[Any] = []
    row = (held,)
    held.append(row)
    with pytest.raises(plain.NotPlain, match="refers to itself"):
        plain.Packer().pack(row)


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


class Local(int):
    pass


@pytest.mark.parametrize(
    "value",
    [
        Local(1),
        type("Text", (str,), {})("x"),
        type("Made", (), {})(),
        collections.defaultdict(lambda: 1),
        threading.Lock(),
        iter([]),
        (n for n in ()),
        lambda: None,
        [].append,
        open,
        plain,
        deep(plain.MAX_DEPTH + 1),
        list(map(list, [()] * (plain.MAX_NODES + 1))),
        datetime.datetime(2024, 1, 1, tzinfo=type("Zone", (datetime.tzinfo,), {})()),
        pytest.raises,
        plain.NotPlain("x"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_not_plain(value: Any) -> None:
    if value is open or value is pytest.raises:  # things of a name are known by it, to who is trusted
        assert there_and_back(value) is value
        with pytest.raises(plain.NotPlain):
            plain.Unpacker(welcome=lambda kind: True).unpack(plain.Packer().pack(value))
        return
    with pytest.raises(plain.NotPlain):
        plain.Packer().pack(value)


@pytest.mark.parametrize(
    "node",
    [
        {},
        [],
        [1],
        ["?"],
        ["r", 0],
        ["r", True],
        ["i"],
        ["t", ["r", 0]],
        ["d", 1],
        ["d", ["l"], 1],
        ["f", ["l"]],
        ["B"],
        ["B", "zz"],
        ["b", 7],
        ["c", 1, 2],
        ["M", 2024, 13, 1, 0, 0, 0, 0, 0, None],
        ["M", 2024],
        ["Y", 2024.0, 1, 1],
        ["x", "one"],
        ["x", ["t"]],
        ["q", 1, 0],
        ["p", "Path", "x"],
        ["p", "PosixPath", 1],
        ["R", 1, 2, 0],
        ["e", __name__, "Colour", "GREEN"],
        ["e", __name__, "Point", 1],
        ["T", __name__, "Point", 1],
        ["T", __name__, "Colour", 1, 2],
        ["o", __name__, "Colour"],
        ["o", "collections", "OrderedDict"],
        ["o", __name__, "Refuses", 1, 2],
        ["o", __name__, "Slotted", "other", 2],
        ["o", __name__],
        ["k", 0],
        ["F", "print"],
        ["F", ["l"]],
        ["F"],
        ["Q", -1],
        ["Q"],
        json.loads('["l",' * 99 + "1" + "]" * 99),
    ],
    ids=lambda node: json.dumps(node)[:30],
)
def test_what_is_no_node(node: Any) -> None:
    with pytest.raises(plain.Garbled):
        plain.Unpacker().unpack(node)


def test_exceptions_are_made_without_their_constructors() -> None:
    nodes = plain.pack_problem(plain.Packer(), FileNotFoundError(2, "gone", "x"))
    found = plain.unpack_problem(plain.Unpacker(), nodes)
    assert type(found) is FileNotFoundError and (found.errno, found.filename) == (2, "x")
    found = plain.unpack_problem(plain.Unpacker(), [__name__, "Loud", ["t", 1], ["code", 7]])
    assert type(found) is Loud and found.args == (1,) and found.code == 7
    for kind in ("KeyboardInterrupt", "GeneratorExit"):
        with pytest.raises(plain.NotPlain):
            plain.unpack_problem(plain.Unpacker(), ["builtins", kind, ["t"], []])


class Loud(ValueError):
    code: int

    def __init__(self, *_: object) -> None:
        raise AssertionError("no constructor is to run")

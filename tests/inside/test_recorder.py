"""Values as text and digests: equal for equal data, bounded, and deaf to what the repository's classes say."""

from __future__ import annotations

import abc
import base64
import builtins
import dataclasses
import datetime
import pickle
import re
import sqlite3
import subprocess
import sys
import threading
from collections import OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryline_inside import express, instrument, recorder

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.frozensets(st.integers() | st.text(max_size=2), max_size=3)
    ),
    max_leaves=8,
)


@given(DATA)
@settings(max_examples=60, deadline=None)
def test_a_copy_has_the_same_text(value: Any) -> None:
    assert recorder.canon(pickle.loads(pickle.dumps(value))) == recorder.canon(value)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (1, 1.0),
        (0, None),
        ("1", 1),
        (b"a", "a"),
        ([1], (1,)),
        ({1}, frozenset({1})),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({}, OrderedDict()),
        ({}, defaultdict(list)),
        (0.0, -0.0),
        (ValueError("a"), ValueError("b")),
        (ValueError("a"), KeyError("a")),
        (namedtuple("P", "x")(1), (1,)),
        ("a" * 5000, "a" * 4999 + "b"),
        (len, max),
        (int, str),
        (Decimal("1"), Decimal("2")),
        (datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)),
        (range(3), range(4)),
        (slice(1), slice(2)),
        (re.compile("a"), re.compile("a", re.I)),
        (deque([1]), deque([2])),
        (deque([1]), deque([1], maxlen=2)),
        (iter([1]), iter([2])),
        ({1: 2}.keys(), {2: 2}.keys()),
        (defaultdict(list), defaultdict(int)),
        (PurePosixPath("a"), PurePosixPath("b")),
        (partial(int, "1"), partial(int, "2")),
        ([1].append, [2].append),
        (abc.ABC, abc.ABCMeta("Other", (), {})),
        (list(range(500)), [*range(499), 0]),
    ],
)
def test_different_data_has_different_text(one: Any, other: Any) -> None:
    assert recorder.canon(one) != recorder.canon(other)


def test_an_integer_may_have_more_digits_than_python_prints() -> None:
    assert recorder.canon([10**5000]) != recorder.canon([10**5000 + 1])


def test_order_of_a_set_and_the_last_bit_of_a_float_do_not_count() -> None:
    assert recorder.canon({8, 16, 0}) == recorder.canon({16, 0, 8})
    assert recorder.canon(0.1 + 0.2) == recorder.canon(0.3)
    assert recorder.canon(float("nan")) == recorder.canon(-float("nan"))


class Slotted:
    __slots__ = ("__hidden", "later", "shown")

    def __init__(self, hidden: int, shown: int) -> None:
        self.__hidden = hidden
        self.shown = shown


class Derived(Slotted):
    def __init__(self, hidden: int, shown: int, more: int) -> None:
        super().__init__(hidden, shown)
        self.more = more


@dataclasses.dataclass
class Point:
    x: int
    y: list[int]


def test_attributes_count_private_slots_included() -> None:
    assert recorder.canon(Slotted(1, 2)) == recorder.canon(Slotted(1, 2)) != recorder.canon(Slotted(1, 3))
    assert recorder.canon(Slotted(1, 2)) != recorder.canon(Slotted(0, 2))
    assert recorder.canon(Derived(1, 2, 3)) != recorder.canon(Derived(1, 2, 4))
    assert recorder.canon(Derived(1, 2, 3)) != recorder.canon(Derived(1, 1, 3))
    assert recorder.canon(Point(1, [2])) == recorder.canon(Point(1, [2])) != recorder.canon(Point(1, [3]))


class Hostile:
    """Every method of it tells that it was called."""

    told: list[str] = []

    def __init__(self, n: int) -> None:
        self.n = n

    @property
    def __class__(self) -> type:  # type of a lazy object: asking evaluates it
        Hostile.told.append("__class__")
        return ValueError

    def __getattr__(self, name: str) -> Any:
        Hostile.told.append(name)
        raise RuntimeError


def _tell(name: str) -> Any:
    def method(self: object, *args: object) -> Any:
        Hostile.told.append(name)
        raise SystemExit(name)

    return method


HOOKS = (
    "__eq__",
    "__repr__",
    "__str__",
    "__hash__",
    "__len__",
    "__iter__",
    "__bool__",
    "__reduce_ex__",
    "__int__",
)
HOOKS += ("__index__", "__float__", "__bytes__", "__getitem__", "keys", "items", "__getattribute__", "__format__")
HOOKS += ("args",)
for hook in HOOKS:
    setattr(Hostile, hook, _tell(hook))


class LazyDict(Hostile):
    __dict__ = property(_tell("__dict__"))


def derived(base: type, value: Any) -> Any:
    """An instance of a built-in type's subclass that overrides everything."""
    kind = type("H" + base.__name__, (base,), {hook: _tell(hook) for hook in HOOKS})
    return base.__new__(kind, value) if base not in (list, dict, set) else kind(value)


@pytest.mark.parametrize(
    ("base", "one", "other"),
    [
        (Hostile, 1, 2),
        (list, [1], [2]),
        (tuple, (1,), (2,)),
        (set, [1], [2]),
        (frozenset, [1], [2]),
        (str, "a", "b"),
        (bytes, b"a", b"b"),
        (int, 1, 2),
        (float, 1.5, 2.5),
        (ValueError, "a", "b"),
    ],
)
def test_no_method_of_the_repository_is_called(base: type, one: Any, other: Any) -> None:
    assert sqlite3.Connection, "its presence makes values be asked whether they are databases"
    first, second = (base(value) if base is Hostile else derived(base, value) for value in (one, other))
    Hostile.told.clear()
    assert recorder.canon([first]) == recorder.canon([first]) != recorder.canon([second])
    assert Hostile.told == []


def test_a_dictionary_that_lies_is_read_by_the_built_in_type() -> None:
    class Liar(dict):
        def items(self) -> Any:
            return [("nothing", 0)]

        __iter__ = keys = items

    assert recorder.canon(Liar(a=1)) != recorder.canon(Liar(a=2))


def test_a_dict_attribute_of_the_repository_is_not_asked() -> None:
    Hostile.told.clear()
    assert "LazyDict" in recorder.canon(object.__new__(LazyDict))
    assert Hostile.told == []


def test_cycles_depth_and_size_end() -> None:
    cycle: list[Any] = [1]
    cycle.append(cycle)
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    wide: Any = 0
    for _ in range(6):
        wide = [wide] * 300  # 300 ** 6 values, if one were to visit all
    for value in (cycle, deep, wide):
        assert len(recorder.canon(value)) < 10**6


def test_what_is_shown_is_bounded_and_cannot_raise() -> None:
    class Bad:
        def __repr__(self) -> str:
            raise SystemExit(3)

    assert recorder.show(Bad()) == "<Bad: repr raised SystemExit>"
    assert recorder.show([Bad()]) == "<list: repr raised SystemExit>"
    assert len(recorder.show("x" * 10**6)) <= recorder.CLIP
    assert recorder.show(list(range(1000))) == "<list of 1000 items>"
    assert recorder.show(Point(1, [2])) == f"{Point.__qualname__}(x=1, y=[2])"


def test_an_object_without_a_repr_of_its_own_shows_attributes_not_its_address() -> None:
    class Box:
        def __init__(self) -> None:
            self.items = [1]

    assert recorder.show(Box()) == "Box(items=[1])"


def test_what_keeps_an_iterator_is_not_asked_to_show_itself() -> None:
    class Statement:
        def __init__(self, tokens: object) -> None:
            self.tokens = tokens

        def __repr__(self) -> str:
            return "".join(self.tokens)  # type: ignore[arg-type]

    class Slotted:
        __slots__ = ("inner",)

        def __init__(self, inner: object) -> None:
            self.inner = inner

        def __repr__(self) -> str:
            return repr(self.inner)

    tokens = iter(["a", "b"])
    for value in (Statement(tokens), [Statement(tokens)], Slotted(Statement(tokens))):
        assert recorder.show(value) == f"<{type(value).__name__}>"
    assert list(tokens) == ["a", "b"]
    assert recorder.show(Statement(["a", "b"])) == "ab"
    assert recorder.show([tokens]).startswith("[<list_iterator")


def test_arguments_are_kept_as_a_pickle_when_that_is_possible_and_small() -> None:
    assert pickle.loads(base64.b64decode(recorder.freeze(([1], "a")))) == [[1], "a"]
    assert recorder.freeze((lambda: 0,)) == ""
    assert recorder.freeze(("x" * 20_000,)) == ""

    class Sly:
        def __reduce__(self) -> Any:
            raise SystemExit(3)

    assert recorder.freeze((Sly(),)) == ""


def test_a_huge_argument_is_not_pickled_to_its_end() -> None:
    counted = []

    class Counted:
        def __reduce__(self) -> Any:
            counted.append(1)
            return (bytes, (bytes(1000 + len(counted)),))

    assert recorder.freeze(([Counted() for _ in range(10_000)],)) == ""
    assert len(counted) < 1000


def test_recording_is_bounded_per_function_and_in_all() -> None:
    book = recorder.Recorder(per_test=2, total=3)
    book.begin()
    for _ in range(5):
        book.leave(book.enter("f", ("n",), (1,)), 2)
    assert len(book.calls) == 2
    book.begin()
    for _ in range(5):
        book.leave(book.enter("f", ("n",), (1,)), 2)
    assert len(book.calls) == 1


def test_where_many_are_watched_the_first_test_leaves_others_their_share() -> None:
    book = recorder.Recorder(per_test=4, total=20, per_function=5)
    for _ in range(3):
        book.begin()
        for name in ("f", "f", "f", "f", "f", "g"):
            book.leave(book.enter(name, ("n",), (1,)), 2)
    assert (book.kept_of, book.kept) == ({"f": 5, "g": 3}, 8)


def test_a_repr_that_calls_the_watched_function_is_not_recorded() -> None:
    book = recorder.Recorder()

    class Loud:
        def __repr__(self) -> str:
            book.leave(book.enter("g", (), ()), None)
            return "Loud"

    book.leave(book.enter("f", ("x",), (Loud(),)), Loud())
    assert [call["function"] for call in book.calls] == ["f"]


def test_what_goes_wrong_in_recording_does_not_reach_the_test() -> None:
    book = recorder.Recorder()

    class Meta(type):
        @property
        def __module__(cls) -> str:
            raise RuntimeError

    class Odd(metaclass=Meta):
        __slots__ = ()

    odd = Odd()
    call = book.enter("f", ("x",), (odd,))
    assert book.item(call, odd) is odd
    assert book.leave(call, odd) is odd
    assert recorder.canon(odd) == "<Odd>"


def test_pairs_hold_digests_of_arguments_and_outcome_only() -> None:
    book = recorder.Recorder(pairs=True)
    book.leave(book.enter("f", ("x",), (1,)), 2)
    book.leave(book.enter("f", ("x",), (1,)), 3)
    book.fail(book.enter("f", ("x",), (1,)), ValueError("x"))
    assert len(book.pairs) == 3 and book.calls == []
    assert len({before for before, _ in book.pairs}) == 1
    assert len({outcome for _, outcome in book.pairs}) == 3


def test_the_step_limit_raises_and_is_not_recorded_as_an_exception_of_the_code() -> None:
    book = recorder.Recorder(step_limit=2)
    call = book.enter("f", (), ())
    book.step(1)
    book.step(2)
    with pytest.raises(recorder.StepLimit) as caught:
        book.step(3)
    assert not isinstance(caught.value, Exception)
    book.fail(call, caught.value)
    assert book.calls == [] and book.overrun == 1 and book.last_line == 3


SWALLOWS = """
import sys
sys.path.insert(0, sys.argv[1])
from tryline_inside import instrument, recorder
book = recorder.Recorder(step_limit=10)
instrument.publish(book)
import builtins
while True:
    try:
        getattr(builtins, instrument.STEP)(1)
    except BaseException:
        pass
"""


def test_code_that_swallows_the_step_limit_ends_the_process(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWS, str(home)], timeout=20, check=False)
    assert done.returncode == 86


WORDS = ("FLAGS", "HIT", "ENTER", "LEAVE", "FAIL", "ITEM", "STEP", "WATCH")


def test_publish_offers_everything_that_probes_call(clean_builtins: None) -> None:
    instrument.publish(recorder.Recorder())
    wanted = {getattr(instrument, word) for word in WORDS}
    assert wanted <= set(vars(builtins))


class Lazy:
    def __init__(self) -> None:
        self.n = 1

    @cached_property
    def twice(self) -> int:
        return 2 * self.n


class Empty:
    pass


def inner(n: int) -> Any:
    def one() -> int:
        return n

    return one


def opaque(value: object) -> list[str]:
    found: list[str] = []
    recorder.canon(value, 40, found)
    return found


def test_what_was_only_computed_and_kept_does_not_count() -> None:
    before, after = Lazy(), Lazy()
    assert after.twice == 2
    assert recorder.canon(before) == recorder.canon(after)
    asked = PurePosixPath("a/b")
    hash(asked), str(asked), asked.parts
    assert recorder.canon(asked) == recorder.canon(PurePosixPath("a/b"))


@pytest.mark.parametrize(
    "value",
    [threading.Lock(), (n for n in [1]), inner(1), lambda: 1, memoryview(b"a")],
)
def test_what_cannot_be_seen_is_named(value: object) -> None:
    assert opaque([{"a": value}])
    assert recorder.canon(value)


@pytest.mark.parametrize(
    "value",
    [
        1,
        [Empty(), Lazy()],
        Decimal(1),
        {"a": deque([1])},
        len,
        Lazy,
        recorder.canon,
        KeyError("a"),
        iter([1]),
        object(),
    ],
)
def test_what_can_be_seen_is_not(value: object) -> None:
    assert not opaque(value)


def test_too_deep_is_said_where_it_counts() -> None:
    deep: list[Any] = []
    for _ in range(50):
        deep = [deep]
    assert opaque(deep) and not opaque([[[[[[[[[1]]]]]]]]])


SOURCED = """
def double(values, *, by=2):
    return [v * by for v in values]

def some(n):
    for i in range(n):
        yield i

def passed(n):
    yield from some(n)
    yield 5

async def later(n):
    return n

def change(values):
    values.append(1)
    return values

def refuse(x):
    raise KeyError(x)
"""


def recorded(work: str) -> list[dict[str, Any]]:
    """Calls of all functions of SOURCED while `work` runs."""
    import ast

    book = recorder.Recorder(express=express.express)
    instrument.publish(book)
    tree = ast.parse(SOURCED)
    names = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    targets = [{"line": node.lineno, "name": node.name, "id": node.name} for node in names]
    instrument.observe(tree, "m.py", targets, book)
    ast.fix_missing_locations(tree)
    space: dict[str, Any] = {"__name__": "m"}
    exec(compile(tree, "m.py", "exec"), space)
    book.begin()
    exec(work, space)
    found: list[dict[str, Any]] = book.calls
    return found


@pytest.mark.usefixtures("clean_builtins")
@pytest.mark.parametrize(
    ("work", "source", "answer"),
    [
        ("double([1, 2], by=3)", "([1, 2], 3)", "[3, 6]"),
        ("change([0])", "([0],)", "[0, 1]"),
        ("list(some(2))", "(2,)", "[0, 1]"),
        ("list(some(0))", "(0,)", "[]"),
        ("next(some(2))", "(2,)", ""),
        ("list(some(31))", "(31,)", ""),
        ("list(some(2)) and list(passed(2))", "(2,)", ""),
        ("import asyncio; asyncio.run(later(3))", "(3,)", "3"),
        ("double([], by=lambda: 1)", "", "[]"),
    ],
)
def test_calls_are_recorded_as_source(work: str, source: str, answer: str) -> None:
    call = recorded(work)[-1]
    assert (call["source"], call["answer"], call["needs"]) == (source, answer, [])


@pytest.mark.usefixtures("clean_builtins")
def test_a_call_that_raises_has_no_answer() -> None:
    call = recorded("""try:
    refuse("x")
except KeyError:
    pass""")[-1]
    assert (call["source"], call["answer"], call["raised"]) == ("('x',)", "", "KeyError")

"""Probes: what they see, and that the code which bears them does what it did without."""

from __future__ import annotations

import ast
import asyncio
import inspect
import signal
import sys
import time
import traceback
from typing import Any

import pytest

from tryline_inside import instrument, recorder

pytestmark = pytest.mark.usefixtures("clean_builtins")

ZOO = '''\
import contextlib
import functools

counter = 0


def plain(n):
    """Doubles."""
    if n > 2:
        return n * 2
    elif n == 2:
        n += 1
    else:
        n = 0
    return n


def loops(items):
    found = []
    for item in items:
        if item < 0:
            continue
        if item > 10:
            break
        found.append(item)
    else:
        found.append("all")
    while len(found) < 2:
        found.append(0)
    return found


def risky(n):
    try:
        value = 10 // n
    except ZeroDivisionError as problem:
        value = str(problem)
    except (TypeError,
            ValueError):
        value = None
    else:
        value += 1
    finally:
        done = True
    return value, done


def scopes(n):
    global counter
    counter += n
    total = n

    def inner(m):
        """Adds."""
        nonlocal total
        total += m
        return total

    class Local:
        """Holds."""

        limit = n

        def get(self):
            return self.limit

    square = lambda v: v * v
    return inner(1), Local().get(), Local.__doc__, inner.__doc__, square(n)


def matching(value):
    match value:
        case 0:
            return "zero"
        case [first, *rest] if rest:
            return first
        case {"name": str(name)}:
            return name
        case _:
            pass
    return "other"


def managed(n):
    with contextlib.suppress(KeyError), contextlib.nullcontext(n) as m:
        data = {1: "one"}
        return data[
            m
        ]
    return None


def once(function):
    @functools.wraps(function)
    def wrapper(*args, **named):
        return function(*args, **named)

    return wrapper


@once
@once
def decorated(a, /, b=2, *rest, c=3, **more):
    """Keeps its name."""
    return a, b, rest, c, more


def numbers(n):
    for i in range(n):
        sent = yield i
        if sent:
            return sent
    return "end"


def delegating(n):
    yield from numbers(n)


async def waiting(n):
    async with contextlib.AsyncExitStack():
        return n + 1


async def streaming(n):
    for i in range(n):
        yield i
        if i > 3:
            return


async def collected(n):
    return [i async for i in streaming(n)]


class Basket:
    __limit = 3

    def __init__(self, items):
        self.__items = list(items)

    @property
    def __size(self):
        return len(self.__items)

    def size(self):
        return self.__size, self.__limit

    @classmethod
    def of(cls, *items):
        return cls(items)

    @staticmethod
    def twice(n):
        return n + n


class Sub(Basket):
    def size(self):
        found = super().size()
        return found + (__class__.__name__,)
'''

CALLS = (
    "plain(1), plain(2), plain(3)",
    "loops([1, -1, 2]), loops([1, 11]), loops([])",
    "risky(2), risky(0), risky('a')",
    "scopes(4)",
    "matching(0), matching([1, 2]), matching([1]), matching({'name': 'n'})",
    "managed(1), managed(2)",
    "decorated(1), decorated(1, 5, 6, c=7, d=8), decorated.__name__, decorated.__doc__",
    "list(numbers(2)), list(delegating(2))",
    "run(waiting(1)), run(collected(3)), run(collected(9))",
    "Basket.of(1, 2).size(), Sub.of(1).size(), Sub.twice(4)",
)


def targets(source: str) -> list[dict[str, Any]]:
    """Every function of a text, as the host names them."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            found.append({"line": first, "name": node.name, "id": f"m.py::{node.name}"})
    return found


def observed(
    source: str, wanted: list[dict[str, Any]] | None = None, **options: Any
) -> tuple[dict[str, Any], recorder.Recorder]:
    """The names of a module compiled with probes, and what they report to."""
    book = recorder.Recorder(per_test=50)
    instrument.publish(book)
    tree = instrument.observe(
        ast.parse(source), "m.py", targets(source) if wanted is None else wanted, book, **options
    )
    ast.fix_missing_locations(tree)
    names: dict[str, Any] = {"__name__": "m", "run": asyncio.run}
    exec(compile(tree, "m.py", "exec"), names)
    return names, book


def plain(source: str) -> dict[str, Any]:
    """The names of a module compiled as it is."""
    names: dict[str, Any] = {"__name__": "m", "run": asyncio.run}
    exec(compile(source, "m.py", "exec"), names)
    return names


def traced(names: dict[str, Any], expression: str) -> set[int]:
    """Lines of `m.py` that the interpreter itself says it ran inside functions."""
    seen: set[int] = set()

    def local(frame: Any, event: str, arg: object) -> Any:
        if event == "line":
            seen.add(frame.f_lineno)
        return local

    def start(frame: Any, event: str, arg: object) -> Any:
        code = frame.f_code
        return local if code.co_filename == "m.py" and code.co_flags & inspect.CO_NEWLOCALS else None

    before = sys.gettrace()
    sys.settrace(start)
    try:
        eval(expression, names)
    finally:
        sys.settrace(before)
    return seen


def probed(source: str) -> set[int]:
    """Lines at which a statement of some function's body starts that leaves code behind."""
    lines: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        for block in instrument.blocks(node):
            if isinstance(node, ast.Module | ast.ClassDef):
                continue
            docstring = isinstance(node, instrument.FUNCTIONS) and instrument.is_docstring(block[0])
            lines |= {s.lineno for s in block[docstring:] if not isinstance(s, ast.Global | ast.Nonlocal)}
    return lines


@pytest.mark.parametrize("expression", CALLS)
def test_same_results_and_the_lines_that_the_interpreter_itself_reports(expression: str) -> None:
    expected = eval(expression, plain(ZOO))
    names, book = observed(ZOO)
    book.begin()
    assert eval(expression, names) == expected
    hits = set(book.lines()["m.py"])
    assert hits & probed(ZOO) == traced(plain(ZOO), expression) & probed(ZOO)


def test_lines_belong_to_the_test_that_ran_them() -> None:
    names, book = observed(ZOO)
    book.begin()
    names["plain"](3)
    first = book.lines()
    book.begin()
    names["plain"](1)
    second = book.lines()
    assert first == {"m.py": [9, 10]}
    assert second == {"m.py": [9, 11, 14, 15]}
    book.begin()
    assert book.lines() == {}


def test_only_the_wanted_function_bears_probes() -> None:
    wanted = [target for target in targets(ZOO) if target["name"] == "plain"]
    names, book = observed(ZOO, wanted)
    book.begin()
    names["loops"]([1])
    assert book.lines() == {} and book.calls == []
    wanted[0]["line"] += 1
    names, book = observed(ZOO, wanted)
    names["plain"](3)
    assert book.lines() == {}, "a function that no longer starts at the line is another one"


def test_a_decorated_function_is_found_by_its_first_decorator() -> None:
    wanted = [target for target in targets(ZOO) if target["name"] == "decorated"]
    names, book = observed(ZOO, wanted)
    names["decorated"](1)
    assert [call["function"] for call in book.calls] == ["m.py::decorated"]


def test_tracebacks_name_the_same_lines() -> None:
    source = """\
def outer(n):
    total = 0
    for i in range(n):
        total += inner(
            i,
        )
    return total


def inner(i):
    try:
        return 10 // (2 - i)
    finally:
        i = None
"""

    def entries(names: dict[str, Any]) -> list[tuple[int, str]]:
        with pytest.raises(ZeroDivisionError) as caught:
            names["outer"](5)
        summary = traceback.extract_tb(caught.tb)
        return [(frame.lineno or 0, frame.name) for frame in summary if frame.filename == "m.py"]

    assert entries(observed(source)[0]) == entries(plain(source)) == [(4, "outer"), (12, "inner")]


def test_a_callee_sees_the_line_from_which_it_is_called() -> None:
    source = """\
import sys

def caller():
    x = 1
    return (
        where()
    )

def where():
    return sys._getframe(1).f_lineno
"""
    assert observed(source)[0]["caller"]() == plain(source)["caller"]() == 6


def record(source: str, expression: str) -> list[dict[str, Any]]:
    names, book = observed(source)
    book.begin()
    eval(expression, names)
    return list(book.calls)


def test_calls_hold_arguments_result_and_what_was_raised() -> None:
    calls = record("def f(a, *b, c=1, **d):\n    return a + len(b) + c\n", "f(1, 2, 3, c=4, e=5)")
    assert [(c["arguments"], c["result"], c["raised"]) for c in calls] == [
        ("a=1, b=(2, 3), c=4, d={'e': 5}", "7", "")
    ]
    source = "def f(a):\n    return 1 // a\n\n"
    source += "def g():\n    try:\n        f(0)\n    except ZeroDivisionError:\n        pass\n"
    calls = record(source, "g()")
    assert [(c["function"], c["result"], c["raised"]) for c in calls] == [
        ("m.py::f", "", "ZeroDivisionError"),
        ("m.py::g", "None", ""),
    ]


def test_a_call_that_falls_off_the_end_or_has_only_a_docstring_returns_none() -> None:
    source = 'def f():\n    """Nothing."""\n\ndef g(n):\n    if n:\n        return\n    n = 1\n'
    names, book = observed(source)
    assert (names["f"](), names["g"](1), names["g"](0)) == (None, None, None)
    assert names["f"].__doc__ == "Nothing."
    assert [c["result"] for c in book.calls] == ["None", "None", "None"]


def test_what_a_generator_yields_counts_in_its_outcome() -> None:
    source = "def f(n):\n    for i in range(3):\n        yield i * n\n"
    one, two = record(source, "list(f(1))"), record(source, "list(f(2))")
    changed = record(source.replace("i * n", "i + n - 1"), "list(f(1))")
    same = record(source.replace("i * n", "n * i"), "list(f(1))")
    assert len(one) == len(two) == 1
    assert one[0]["digest"] != two[0]["digest"]
    assert one[0]["outcome"] == changed[0]["outcome"] == same[0]["outcome"] != two[0]["outcome"]


def test_a_generator_that_is_closed_early_did_not_fail() -> None:
    calls = record("def f():\n    yield 1\n    yield 2\n", "next(f())")
    assert [(c["raised"]) for c in calls] == [""]


def test_a_change_of_an_argument_counts_in_the_outcome() -> None:
    keeps = record("def f(a):\n    return len(a)\n", "f([1, 2])")
    clears = record("def f(a):\n    n = len(a)\n    a.clear()\n    return n\n", "f([1, 2])")
    assert keeps[0]["digest"] == clears[0]["digest"] and keeps[0]["result"] == clears[0]["result"]
    assert keeps[0]["outcome"] != clears[0]["outcome"]


def test_a_coroutine_is_recorded_when_it_ends() -> None:
    calls = record("async def f(n):\n    if n:\n        await f(n - 1)\n    return n\n", "run(f(2))")
    assert [c["result"] for c in calls] == ["0", "1", "2"]


def test_a_parameter_that_the_body_deletes_or_rebinds_is_recorded_as_it_came() -> None:
    calls = record("def f(a, b):\n    a = 5\n    del b\n    return a\n", "f(1, 2)")
    assert calls[0]["arguments"] == "a=1, b=2" and calls[0]["result"] == "5"


def test_private_names_keep_their_class() -> None:
    source = "class A:\n    def __secret(self, __x):\n        return __x\n"
    source += "    def call(self):\n        return self.__secret(4)\n"
    names, _ = observed(source)
    assert names["A"]().call() == 4


def test_a_name_that_a_class_mangles_is_recorded_under_its_value() -> None:
    calls = record("class A:\n    def call(self, __x):\n        return __x\n", "A().call(7)")
    assert calls[0]["result"] == "7" and calls[0]["arguments"].endswith("=7")


def test_arguments_in_order_and_kind() -> None:
    tree = ast.parse("def f(a, /, b, *c, d, **e): pass")
    assert instrument.parameters(tree.body[0]) == [("a", "p"), ("b", "p"), ("c", "*"), ("d", "k"), ("e", "**")]


def test_stepping_counts_statements_of_nested_functions_too() -> None:
    source = "def f(n):\n    def g(m):\n        return m\n    for i in range(n):\n        g(i)\n    return n\n"
    tree = ast.parse(source)
    instrument.stepping(tree.body[0], False)
    ast.fix_missing_locations(tree)
    book = recorder.Recorder(step_limit=100)
    instrument.publish(book)
    names: dict[str, Any] = {}
    exec(compile(tree, "m.py", "exec"), names)
    assert names["f"](3) == 3
    assert book.steps == 1 + 1 + 3 * 2 + 1


def test_watching_tells_what_changed_before_each_statement() -> None:
    source = "def f(n):\n    total = 0\n    for i in range(n):\n        total += i\n    return total\n"
    tree = ast.parse(source)
    instrument.stepping(tree.body[0], True)
    ast.fix_missing_locations(tree)
    book = recorder.Recorder(step_limit=100, trace_limit=4)
    instrument.publish(book)
    names: dict[str, Any] = {}
    exec(compile(tree, "m.py", "exec"), names)
    assert names["f"](2) == 1
    assert book.trace == [
        [2, [["n", "int", "2"]]],
        [3, [["total", "int", "0"]]],
        [4, [["i", "int", "0"]]],
        [4, [["i", "int", "1"]]],
    ]


def watched(source: str, *, limit: int = 100) -> tuple[recorder.Recorder, dict[str, Any]]:
    """A module whose first function is watched and told of when it is entered and left."""
    tree = ast.parse(source)
    function = next(node for node in tree.body if isinstance(node, ast.FunctionDef))
    instrument.stepping(function, True)
    instrument.record_calls(function, "target")
    ast.fix_missing_locations(tree)
    book = recorder.Recorder(step_limit=100_000, trace_limit=limit, total=0)
    instrument.publish(book)
    names: dict[str, Any] = {}
    exec(compile(tree, "m.py", "exec"), names)
    return book, names


def test_a_trace_tells_of_entry_return_and_raise() -> None:
    book, names = watched("def f(a, *, b):\n    if b:\n        raise KeyError('gone')\n    return [a]\n")
    assert names["f"](1, b=0) == [1]
    with pytest.raises(KeyError):
        names["f"](2, b=1)
    assert book.trace == [
        [0, [["call", "", "a=1, b=0"]]],
        [2, [["a", "int", "1"], ["b", "int", "0"]]],
        [4, []],
        [0, [["return", "list", "[1]"]]],
        [0, [["call", "", "a=2, b=1"]]],
        [2, [["a", "int", "2"], ["b", "int", "1"]]],
        [3, []],
        [0, [["raise", "KeyError", "'gone'"]]],
    ]


def test_a_call_within_a_call_does_not_mix_their_variables() -> None:
    book, names = watched("def f(n):\n    k = n\n    if n:\n        f(n - 1)\n    return k\n")
    names["f"](1)
    assert book.trace[4:9] == [
        [0, [["call", "", "n=0"]]],
        [2, [["n", "int", "0"]]],
        [3, [["k", "int", "0"]]],
        [5, []],
        [0, [["return", "int", "0"]]],
    ]
    assert book.trace[9:] == [[5, []], [0, [["return", "int", "1"]]]]


def test_a_generator_tells_what_it_yields() -> None:
    book, names = watched("def f(n):\n    for i in range(n):\n        yield i\n")
    assert list(names["f"](2)) == [0, 1]
    told = [entry[1][0] for entry in book.trace if not entry[0]]
    assert told == [
        ["call", "", "n=2"],
        ["yield", "int", "0"],
        ["yield", "int", "1"],
        ["return", "NoneType", "None"],
    ]


def test_entries_and_exits_are_bounded_like_the_rest() -> None:
    book, names = watched("def f(n):\n    raise ValueError(n)\n", limit=3)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"):
            names["f"]("x" * 5000)
    assert len(book.trace) == 3
    assert all(len(text) <= 160 for _, rows in book.trace for _, _, text in rows)


def test_a_watched_representation_is_not_shown_by_itself() -> None:
    source = "def show(self):\n    n = 1\n    return 'x%s' % n\nclass A:\n    __repr__ = show\n"
    book, names = watched(source)
    assert repr(names["A"]()) == "x1"
    assert [entry[0] for entry in book.trace] == [0, 2, 3, 0]
    assert book.steps == 2


def test_slow_representations_end_the_trace_and_a_timer_of_the_test_goes_on() -> None:
    source = "def f(n):\n    o = Slow()\n    for i in range(n):\n        pass\n    return n\n"
    book, names = watched(source, limit=10_000)
    told: list[float] = []

    class Slow:
        def __repr__(self) -> str:
            time.sleep(0.03)
            return "slow"

    names["Slow"] = Slow
    before = signal.signal(signal.SIGALRM, lambda number, frame: told.append(time.monotonic()))
    try:
        began = time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        assert names["f"](1000) == 1000
        while not told and time.monotonic() < began + 3:
            time.sleep(0.01)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        ours = signal.signal(signal.SIGALRM, before)
    assert told and told[0] - began < 1.5
    assert ours is not book.too_slow
    assert len(book.trace) < 40
    assert time.monotonic() - began < 3

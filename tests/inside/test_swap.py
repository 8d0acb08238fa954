"""A candidate's code in live functions: whatever holds the function runs the candidate from then on."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tryline_inside import instrument, recorder, swap

pytestmark = pytest.mark.usefixtures("clean_builtins")

Live = Callable[..., tuple[Any, swap.Unit]]


def spec(text: str, qualname: str) -> dict[str, Any]:
    """What the host tells of the unit with this name: `Class.method`, a plain name."""
    *classes, name = qualname.split(".")
    node: Any = ast.parse(text)
    for step in [*classes, name]:
        node = next(n for n in ast.walk(node) if getattr(n, "name", "") == step)
    line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    source = "".join(text.splitlines(keepends=True)[line - 1 : node.end_lineno])
    return {"file": "live.py", "line": line, "name": name, "classes": classes, "source": source}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """Imports a text as a module and makes the unit around one of its functions."""
    book = recorder.Recorder(step_limit=10_000)
    instrument.publish(book)

    def make(text: str, qualname: str, **more: Any) -> tuple[Any, swap.Unit]:
        path = tmp_path / "live.py"
        path.write_text(text)
        loader = importlib.util.spec_from_file_location("live", path)
        assert loader is not None and loader.loader is not None
        module = importlib.util.module_from_spec(loader)
        sys.modules["live"] = module
        loader.loader.exec_module(module)
        return module, swap.Unit({**spec(text, qualname), **more}, str(tmp_path))

    yield make
    sys.modules.pop("live", None)


def put(unit: swap.Unit, old: str, new: str) -> None:
    """Puts the unit with one text replaced in place."""
    source = unit.spec["source"]
    assert old in source
    unit.install(*unit.compile(source.replace(old, new)))


CASES = {
    "plain": ("def f(n):\n    return n + 1\n", "f", "n + 1", "n + 2", "f(1)", 2, 3),
    "default kept": ("def f(n, m=[4]):\n    return n + m[0]\n", "f", "n + ", "n - ", "f(1)", 5, -3),
    "method": (
        "class A:\n    k = 2\n    def f(self, n):\n        return n * self.k\n",
        "A.f", "n *", "n +", "A().f(4)", 8, 6,
    ),
    "nested class": (
        "class A:\n    class B:\n        def f(self):\n            return 1\n",
        "A.B.f", "1", "2", "A.B().f()", 1, 2,
    ),
    "super and private names": (
        "class A:\n    def f(self):\n        return 1\nclass B(A):\n    __k = 5\n"
        "    def f(self):\n        return super().f() + self.__k\n",
        "B.f", "+ self", "- self", "B().f()", 6, -4,
    ),
    "dunder class": (
        "class A:\n    def f(self):\n        return __class__.__name__\n",
        "A.f", "__class__.__name__", "__class__.__name__ * 2", "A().f()", "A", "AA",
    ),
    "static method": (
        "class A:\n    @staticmethod\n    def f(n):\n        return n\n", "A.f", "return n", "return -n",
        "A.f(3)", 3, -3,
    ),
    "class method": (
        "class A:\n    @classmethod\n    def f(cls):\n        return cls.__name__\n",
        "A.f", "cls.__name__", "cls.__name__ + '!'", "A.f()", "A", "A!",
    ),
    "property": (
        "class A:\n    @property\n    def f(self):\n        return 1\n", "A.f", "1", "2", "A().f", 1, 2,
    ),
    "wrapped": (
        "import functools\ndef deco(g):\n    @functools.wraps(g)\n    def w(*a):\n        return g(*a) * 10\n"
        "    return w\n@deco\ndef f(n):\n    return n + 1\n",
        "f", "n + 1", "n + 2", "f(1)", 20, 30,
    ),
    "cached": (
        "import functools\n@functools.lru_cache(maxsize=None)\ndef f(n):\n    return n\n",
        "f", "return n", "return -n", "f(3)", None, -3,
    ),
    "generator": ("def f(n):\n    for i in range(n):\n        yield i\n", "f", "yield i", "yield -i", "list(f(3))",
                  [0, 1, 2], [0, -1, -2]),
    "coroutine": ("async def f(n):\n    return n\n", "f", "return n", "return -n", "run(f(3))", 3, -3),
    "nested function": (
        "def f(n):\n    k = 2\n    def g(m):\n        return m * k\n    return g(n)\n", "f", "m * k", "m + k",
        "f(5)", 10, 7,
    ),
    "within if": ("if True:\n    def f(n):\n        return n\nelse:\n    f = None\n", "f", "return n", "return -n",
                  "f(3)", 3, -3),
    "tabs": ("class A:\n\tdef f(self):\n\t\tif True:\n\t\t\treturn 1\n", "A.f", "1", "2", "A().f()", 1, 2),
    "tabs within if": ("if True:\n\tdef f():\n\t\treturn 1\n", "f", "1", "2", "f()", 1, 2),
    "copies": (
        "def f(n):\n    return n\ncopy = f\ntable = {'f': f}\n", "f", "return n", "return -n",
        "(f(1), copy(1), table['f'](1))", (1, 1, 1), (-1, -1, -1),
    ),
    "comment before the body": ("class A:\n    def f(self):\n        # a remark\n        return 1\n", "A.f",
                                "return 1", "return 2", "A().f()", 1, 2),
    "text over several lines": ('class A:\n    def f(self):\n        return """a\nb"""\n', "A.f", "a\nb", "a\nc",
                                "A().f()", "a\nb", "a\nc"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_swapped(live: Live, case: str) -> None:
    text, qualname, old, new, expression, before, after = CASES[case]
    module, unit = live(text, qualname)
    names = {**vars(module), "run": asyncio.run}
    if before is not None:
        assert eval(expression, names) == before
    put(unit, old, new)
    assert eval(expression, names) == after


def test_an_instance_of_another_module_runs_it_too(live: Live) -> None:
    _module, unit = live("def f(n):\n    return n\n", "f")
    names: dict[str, Any] = {}
    exec("from live import f\n\ndef call(n):\n    return f(n)\n", names)
    assert names["call"](1) == 1
    put(unit, "return n", "return -n")
    assert names["call"](1) == -1


def test_closures_made_before_are_not_reached_through_their_factory(live: Live) -> None:
    text = "def make(k):\n    def g(n):\n        return n + k\n    return g\nold = make(1)\n"
    module, unit = live(text, "make", target_path=[("g", 0)])
    put(unit, "n + k", "n - k")
    assert (module.old(5), module.make(1)(5)) == (6, 4)


@pytest.mark.parametrize(
    ("parameters", "call", "expected"),
    [("n=5", "f()", 5), ("n=-1, *, k=2", "f()", -1), ("n=None", "f()", None), ("n=(1, 2)", "f()", (1, 2))],
)
def test_changed_defaults_that_are_literals(live: Live, parameters: str, call: str, expected: Any) -> None:
    module, unit = live("def f(n=1, *, k=2):\n    return n\n", "f")
    put(unit, "n=1, *, k=2", parameters)
    assert eval(call, vars(module)) == expected


def test_a_default_that_is_taken_away_is_gone(live: Live) -> None:
    module, unit = live("def f(n=1, *, k=2):\n    return n\n", "f")
    put(unit, "n=1, *, k=2", "n, *, k")
    with pytest.raises(TypeError):
        module.f(1)
    with pytest.raises(TypeError):
        module.f(k=1)


REFUSED = {
    "default that is no literal": ("def f(n=1):\n    return n\n", "f", "n=1", "n=len([])"),
    "another name": ("def f(n):\n    return n\n", "f", "def f", "def g"),
    "two functions": ("def f(n):\n    return n\n", "f", "return n\n", "return n\ndef g():\n    pass\n"),
    "a decorator more": ("def f(n):\n    return n\n", "f", "def f", "@staticmethod\ndef f"),
    "a decorator less": ("@staticmethod\ndef f(n):\n    return n\n", "f", "@staticmethod\n", ""),
    "asynchronous": ("def f(n):\n    return n\n", "f", "def f", "async def f"),
    "needs the class cell": (
        "class A:\n    def f(self):\n        return 1\n", "A.f", "return 1", "return super().__init__()",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(live: Live, case: str) -> None:
    text, qualname, old, new = REFUSED[case]
    _module, unit = live(text, qualname)
    with pytest.raises(swap.Unswappable):
        put(unit, old, new)


def test_a_text_that_does_not_parse_is_a_syntax_error(live: Live) -> None:
    _, unit = live("class A:\n    def f(self):\n        return 1\n", "A.f")
    for text in ("return = 1", "return 1)", "break"):
        with pytest.raises(SyntaxError):
            put(unit, "return 1", text)


def test_future_statements_of_the_module_hold(live: Live) -> None:
    module, unit = live("from __future__ import annotations\n\ndef f(n):\n    return n\n", "f")
    put(unit, "return n", "def g(x: undefined) -> nothing:\n        return x\n    return g(-n)")
    assert module.f(1) == -1
    module, unit = live("def f(n):\n    return n\n", "f")
    put(unit, "return n", "def g(x: undefined):\n        return x\n    return g(-n)")
    with pytest.raises(NameError):
        module.f(1)


def test_a_function_that_nothing_holds_has_no_live_object(live: Live) -> None:
    _, unit = live("def f(n):\n    return n\ndel f\n", "f")
    assert unit.functions == []
    _, unit = live("def f(n):\n    return n\n", "f", line=2)
    assert unit.functions == []


def test_line_numbers_are_those_of_the_file(live: Live) -> None:
    text = "\n\nclass A:\n\n    def f(self):\n        x = 1\n        return x\n"
    module, unit = live(text, "A.f")
    put(unit, "x = 1", "x = 1 // 0")
    with pytest.raises(ZeroDivisionError) as caught:
        module.A().f()
    assert caught.traceback[-1].lineno + 1 == 6
    assert str(caught.traceback[-1].path).endswith("live.py")


def test_only_the_target_inside_the_unit_is_probed(live: Live) -> None:
    text = textwrap.dedent("""\
        def f(n):
            def g(m):
                return m
            def g(m):
                m += 1
                return m
            return g(n)
    """)
    module, unit = live(text, "f", target_path=[("g", 1)])
    book = recorder.Recorder(step_limit=100)
    instrument.publish(book)
    put(unit, "m += 1", "m += 2")
    assert module.f(1) == 3
    assert book.steps == 2
    _, unit = live(text, "f", target_path=[("g", 2)])
    with pytest.raises(swap.Unswappable):
        put(unit, "m += 1", "m += 2")


def test_a_watched_and_recorded_candidate(live: Live) -> None:
    module, unit = live("def f(n):\n    k = n\n    return k\n", "f")
    book = recorder.Recorder(step_limit=100, trace_limit=10, pairs=True)
    instrument.publish(book)
    unit.install(*unit.compile(unit.spec["source"], watch=True, record="target"))
    assert module.f(3) == 3
    assert book.trace == [
        [0, [["call", "", "n=3"]]],
        [2, [["n", "int", "3"]]],
        [3, [["k", "int", "3"]]],
        [0, [["return", "int", "3"]]],
    ]
    assert len(book.pairs) == 1

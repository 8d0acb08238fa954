"""Regression tests made of single calls: they read as a person would write them, and they run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.domain import Function
from bot.languages import Unparsable
from bot.languages.python.language import Python
from bot.wire_calls import MADE

PYTHON = Python()
PATH = "shop/cart.py"
TEXT = """\
import functools


def total(a, b=2, *args, key=3, **named):
    return (a, b, args, key, named)


def first(a, /, b=1):
    return a, b


def gen(n):
    yield from range(n)


def lazy(items):
    return map(str, items)


async def fetch(n, factor=1.5):
    return n * factor


async def stream(n):
    for item in range(n):
        yield item


def ratio(n):
    return {"a": [0.1 + n]}


class Shop:
    def __init__(self, name="x"):
        self.name = name

    class Box:
        def put(self, x, /, y=1):
            return x + y

    @staticmethod
    def tidy(x):
        return x

    @classmethod
    def make(cls, name=None):
        return name

    @property
    def label(self):
        return self.name * 2

    @label.setter
    def label(self, value):
        self.name = value


def outer():
    def inner():
        return 1

    return inner
"""


class Tree:
    def paths(self) -> list[str]:
        return [PATH, "shop/__init__.py"]

    def read(self, path: str) -> bytes:
        return b""


def function(name: str) -> Function:
    return next(f for f in PYTHON.functions(PATH, TEXT) if f.qualname == name)


def written(name: str, arguments: str, answer: str = "", needs: tuple[str, ...] = ()) -> str:
    return PYTHON.regression_test(function(name), TEXT, Tree(), arguments, answer, needs)


def run(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs its one test against the sample module."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("")
    (tmp_path / "shop/cart.py").write_text(TEXT)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "shop", raising=False)
    monkeypatch.delitem(__import__("sys").modules, "shop.cart", raising=False)
    space: Mapping[str, object] = {}
    exec(compile(code, "test_made.py", "exec"), space)
    (test,) = [value for name, value in space.items() if name.startswith("test")]
    assert callable(test)
    test()


def test_it_reads_as_a_person_would_write_it() -> None:
    assert written("total", "([1], 2, (), 3, {})", "([1], 2, (), 3, {})") == (
        "from shop.cart import total\n\n\ndef test_total():\n"
        "    got = total([1])\n    assert got == ([1], 2, (), 3, {})\n"
    )


CALLS: list[tuple[str, str, str, tuple[str, ...], str]] = [
    ("total", "(1, 2, (), 3, {})", "(1, 2, (), 3, {})", (), "total(1)"),
    ("total", "(1, 5, (), 3, {})", "(1, 5, (), 3, {})", (), "total(1, 5)"),
    ("total", "(1, 2, (7,), 4, {'z': 1})", "(1, 2, (7,), 4, {'z': 1})", (), "total(1, 2, 7, key=4, z=1)"),
    ("total", "(1, 2, (), 3, {'a-b': 1})", "", (), "total(1, **{'a-b': 1})"),
    ("first", "(1, 3)", "(1, 3)", (), "first(1, 3)"),
    ("gen", "(3,)", "[0, 1, 2]", (), "list(gen(3))"),
    ("lazy", "([1],)", "['1']", (), "list(lazy([1]))"),
    ("fetch", "(2, 1.5)", "3.0", (), "await fetch(2)"),
    ("stream", "(2,)", "[0, 1]", (), "[item async for item in stream(2)]"),
    ("ratio", "(0.2,)", "{'a': [0.3]}", (), "same(got, {'a': [0.3]})"),
    ("Shop.Box.put", "(made(shop.cart.Shop.Box), 3, 1)", "4", ("import shop.cart", MADE), "box.put(3)"),
    ("Shop.__init__", "(made(shop.cart.Shop), 'y')", "None", ("import shop.cart", MADE), "    Shop('y')"),
    ("Shop.tidy", "(1,)", "1", (), "Shop.tidy(1)"),
    ("Shop.make", "(shop.cart.Shop, 'n')", "'n'", ("import shop.cart",), "shop.cart.Shop.make('n')"),
    ("Shop.label", "(shop.cart.Shop(name='ab'),)", "'abab'", ("import shop.cart",), "got = shop_.label"),
    (
        "fetch",
        "(decimal.Decimal(2), decimal.Decimal(3))",
        "decimal.Decimal('6')",
        ("import decimal",),
        "== decimal",
    ),
    (
        "total",
        "(shop.cart.Shop(), 2, (), 3, {})",
        "shop.cart.Shop()",
        ("import shop.cart",),
        "    total(shop.cart",
    ),
]


@pytest.mark.parametrize(("name", "arguments", "answer", "needs", "part"), CALLS)
def test_it_runs_and_passes_with_the_answer_that_was_seen(
    name: str,
    arguments: str,
    answer: str,
    needs: tuple[str, ...],
    part: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = written(name, arguments, answer, needs)
    assert part in code
    assert PYTHON.test_name(code).startswith("test_")
    run(code, tmp_path, monkeypatch)


def test_another_answer_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        run(written("ratio", "(0.2,)", "{'a': [0.31]}"), tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("outer.<locals>.inner", "()", "stands in a function"),
        ("total", "(1, 2)", "not one argument for each parameter"),
        ("total", "1", "not one argument for each parameter"),
        ("total", "(1, 2, (), 3, {}", "not valid Python"),
        ("Shop.label@2", "(shop.cart.Shop(), 1)", "not called by its name"),
    ],
)
def test_what_no_test_can_call_is_refused(name: str, arguments: str, why: str) -> None:
    with pytest.raises(Unparsable, match=why):
        written(name, arguments, "1")


def test_a_module_for_a_function_that_no_test_imports() -> None:
    code = PYTHON.imported_by_test(function("total"), Tree())
    assert code == "import shop.cart\n\n\ndef test_cart_is_imported():\n    assert shop.cart\n"

"""Proposed witnesses as Python text: calls made into tests, stubs, imports; and what a witness may not do."""

from __future__ import annotations

import asyncio
import math
import textwrap
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest
from fake_engine import Tree

from bot.domain import Function
from bot.languages import Unparsable
from bot.languages.python.language import Python
from bot.languages.python.witness import module_of

PYTHON = Python()
PATH = "shop/cart.py"
TEXT = '''\
import math
from decimal import Decimal

RATE = 19


class Item:
    def __init__(self, price):
        self.price = price

    def _net(self):
        return self.price


def total(prices, rate=RATE):
    """Adds up."""
    return sum(prices)


def one(x): return x


def numbers(n):
    yield from range(n)


async def fetch(x):
    return x


async def stream(n):
    for x in range(n):
        yield x
'''
FUNCTIONS = {f.qualname: f for f in PYTHON.functions(PATH, TEXT)}
TOTAL = FUNCTIONS["total"]


def tree(files: Mapping[str, str] | None = None) -> Tree:
    return Tree(
        {name: text.encode() for name, text in {PATH: TEXT, "shop/__init__.py": "", **(files or {})}.items()}
    )


def made(name: str, call: str, expected: str, raises: str = "") -> str:
    return PYTHON.call_test(FUNCTIONS[name], TEXT, tree(), call, expected, raises)


def runs(code: str, **names: object) -> str:
    """What the test of a module of ours does when the names that it imports are these: `passes` or the exception.

    Only for modules made here from literals; nothing foreign is run.
    """
    scope = {"pytest": pytest, "asyncio": asyncio, **names}
    kept = "\n".join(line for line in code.splitlines() if not line.startswith(("import ", "from ")))
    exec(compile(kept, "made", "exec"), scope)
    test: Any = scope[PYTHON.test_name(code)]
    try:
        test()
    except Exception as error:
        return type(error).__name__
    return "passes"


def test_a_call_becomes_a_test_that_imports_what_it_names() -> None:
    code = made("total", "total([RATE, math.pi, Decimal(1)])", "3")
    assert code == (
        "from shop.cart import Decimal, RATE, math, total\n\n\n"
        "def test_total():\n    got = total([RATE, math.pi, Decimal(1)])\n    assert got == 3\n"
    )
    assert PYTHON.test_name(code) == "test_total"
    assert made("total", "cart.total([\n 1,\n])", "None").startswith("from shop import cart\n")
    assert "    assert got is None\n" in made("total", "total([])", "None")
    assert made("total", "shop.cart.total(json.loads('[1]'))", "1").startswith("import json\nimport shop.cart\n")
    assert made("total", "total(None)", "", "TypeError").endswith("def test_total():\n    total(None)\n")
    assert "from shop.cart import Item\n" in made("Item._net", "Item(3)._net()", "3")


@pytest.mark.parametrize(
    ("expected", "right", "wrong"),
    [
        ("0.3", 0.1 + 0.2, 0.31),
        ("[0.3, 'x']", [0.1 + 0.2, "x"], [0.3, "y"]),
        ("(0.3,)", (0.1 + 0.2,), [0.3]),
        ("{'a': [0.3]}", {"a": [0.1 + 0.2]}, {"a": [0.3], "b": 1}),
        ("{'a': [0.3]}", {"a": [0.3]}, None),
        ("float('nan')", math.nan, 0.0),
        ("[float('nan'), 1]", [math.nan, 1], [math.nan, 2]),
        ("-1.5", -1.5, 1.5),
        ("{1, 2}", {2, 1}, {1}),
        ("set()", set(), {1}),
        ("None", None, 0),
        ("1+2j", 1 + 2j, 1),
    ],
)
def test_results_are_compared_as_they_should_be(expected: str, right: object, wrong: object) -> None:
    code = made("total", "total(1)", expected)
    assert runs(code, total=lambda _: right) == "passes"
    assert runs(code, total=lambda _: wrong) == "AssertionError"


def test_what_only_begins_is_brought_to_an_end() -> None:
    async def fetch(x: int) -> int:
        return x

    async def stream(n: int) -> AsyncIterator[int]:
        for x in range(n):
            yield x

    def numbers(n: int) -> Iterator[int]:
        yield from range(n)

    assert runs(made("numbers", "numbers(2)", "[0, 1]"), numbers=numbers) == "passes"
    assert runs(made("numbers", "numbers(2)", "(0, 1)"), numbers=numbers) == "passes"
    assert runs(made("numbers", "next(numbers(2))", "0"), numbers=numbers) == "passes"
    assert runs(made("fetch", "fetch(2)", "2"), fetch=fetch) == "passes"
    assert runs(made("fetch", "(await fetch(2)) + 1", "3"), fetch=fetch) == "passes"
    assert runs(made("stream", "stream(2)", "[0, 1]"), stream=stream) == "passes"
    assert runs(made("fetch", "fetch(2)", "3"), fetch=fetch) == "AssertionError"


@pytest.mark.parametrize(
    ("call", "expected", "words"),
    [
        ("total(", "1", "not valid Python"),
        ("x = total([])", "1", "not valid Python"),
        ("total([])\nimport os", "1", "not valid Python"),
        ("total([])); (1", "1", "not one expression"),
        ("total([])", "1 + total([])", "not a Python literal"),
        ("total([])", "__import__('os')", "not a Python literal"),
        ("total([])", "[x for x in ()]", "not a Python literal"),
        ("total(unknown)", "1", "`unknown` is neither"),
        ("sum([1])", "1", "nothing that shop/cart.py defines"),
        ("total([])", " ", "needs its expected result"),
        ("", "1", "nothing that shop/cart.py defines"),
        ("total([])" + " " * 30_000, "1", "longer"),
    ],
)
def test_what_is_no_call_with_a_literal_is_refused(call: str, expected: str, words: str) -> None:
    with pytest.raises(Unparsable, match=words):
        made("total", call, expected)


@pytest.mark.parametrize(
    ("name", "expected", "stub"),
    [
        ("total", "[1, 2]", "def total(prices, rate=RATE):\n    return [1, 2]\n"),
        ("one", "1", "def one(x): return 1\n"),
        ("numbers", "[1]", "def numbers(n):\n    yield from [1]\n"),
        ("fetch", "", "async def fetch(x):\n    return None\n"),
        ("stream", "[1]", "async def stream(n):\n    for item in [1]: yield item\n"),
        ("Item._net", "3", "    def _net(self):\n        return 3\n"),
    ],
)
def test_a_stub_gives_what_is_expected_and_nothing_else(name: str, expected: str, stub: str) -> None:
    assert PYTHON.stub(FUNCTIONS[name], expected) == stub
    PYTHON.splice(TEXT, FUNCTIONS[name], stub)


@pytest.mark.parametrize(
    ("path", "files", "module"),
    [
        ("shop/cart.py", {"shop/__init__.py": ""}, "shop.cart"),
        ("shop/__init__.py", {"shop/__init__.py": ""}, "shop"),
        ("src/shop/cart.py", {"src/shop/__init__.py": ""}, "shop.cart"),
        ("src/cart.py", {}, "cart"),
        ("tools/cart.py", {}, "tools.cart"),
        ("tools/cart.py", {"tests/test_a.py": "import cart\n"}, "cart"),
        ("src/a/b.py", {"src/a/__init__.py": "", "test_a.py": "from src.a import b\n"}, "src.a.b"),
        ("a/b/c.py", {"a/__init__.py": "", "a/b/__init__.py": ""}, "a.b.c"),
        ("cart.py", {"tests/test_a.py": "from cart import (\n"}, "cart"),
    ],
)
def test_a_module_is_named_as_its_tests_name_it(path: str, files: Mapping[str, str], module: str) -> None:
    assert module_of(path, Tree({name: text.encode() for name, text in {**files, path: ""}.items()})) == module


@pytest.mark.parametrize(
    ("code", "ok"),
    [
        ("def test_a(): pass", True),
        ("async def test_a(): pass", True),
        ("def helper(): pass", False),
        ("def test_a(): pass\ndef test_b(): pass", False),
        ("class TestA:\n    def test_a(self): pass", False),
        ("def test_a(): pass\nclass TestA: pass", False),
        ("def test_a(:", False),
        ("def test_a(): '\0'", False),
    ],
)
def test_a_witness_is_one_test(code: str, ok: bool) -> None:
    if ok:
        assert PYTHON.test_name(code) == "test_a"
    else:
        with pytest.raises(Unparsable):
            PYTHON.test_name(code)


# ---------------------------------------------------------------------------------------------- objections


OPENING = "import pytest\nimport shop\nfrom shop.cart import Item, total\n"


def against(body: str, *, raises: str = "", seen: str = "", function: Function = TOTAL) -> str:
    """The slug of the objection to a test with this body, '' for none."""
    inner = textwrap.indent(body, "    ")
    code = body if "def test_" in body else f"def test_a(tmp_path, monkeypatch):\n{inner}\n"
    found = PYTHON.objection(OPENING + code, function, raises, seen)
    return found[0] if found else ""


TWINS = {
    "attribute": ("assert Item(1)._price == 1", "assert Item(1).price == 1"),
    "import": ("from shop.cart import _x\nassert _x(total([]))", "from shop.cart import x_\nassert x_(total([]))"),
    "getattr": ("assert getattr(total([]), '_x')", "assert getattr(total([]), 'x')"),
    "assign": ("shop.cart.RATE = 1\nassert total([])", "item = Item(1)\nitem.price = 2\nassert total([item])"),
    "subscript": ("shop.RATES['x'] = 1\nassert total([])", "rates = {}\nrates['x'] = 1\nassert total(rates)"),
    "delete": ("del shop.cart.RATE\nassert total([])", "item = Item(1)\ndel item.price\nassert total([item])"),
    "setattr": (
        "setattr(shop.cart, 'RATE', 1)\nassert total([])",
        "item = Item(1)\nsetattr(item, 'price', 1)\nassert total([item])",
    ),
    "monkeypatch": (
        "monkeypatch.setattr('shop.cart.RATE', 1)\nassert total([])",
        "monkeypatch.setenv('RATE', '1')\nassert total([])",
    ),
    "monkeypatch-object": (
        "monkeypatch.setattr(shop.cart, 'sum', len)\nassert total([])",
        "monkeypatch.setattr('sys.stdin', None)\nassert total([])",
    ),
    "patch": (
        "from unittest.mock import patch\nwith patch('shop.cart.total'):\n    assert total([])",
        "from unittest.mock import Mock\nassert total([Mock()])",
    ),
    "patch-object": (
        "from unittest import mock\nwith mock.patch.object(shop.cart, 'x'):\n    assert total([])",
        "from unittest import mock\nwith mock.patch.dict('os.environ', {}):\n    assert total([])",
    ),
    "source": ("import inspect\nassert inspect.getsource(total)", "assert str(total([]))"),
    "bytecode": ("assert total.__code__.co_consts", "assert total.__name__ == 'total'"),
    "frames": ("import sys\nassert sys._getframe() and total([])", "import sys\nassert total([]) < sys.maxsize"),
    "clock": ("import time\nb = time.time()\ntotal([])\nassert time.time() - b < 1", "assert total([]) < 1"),
    "date": (
        "import datetime\nassert total([datetime.datetime.now()])",
        "import datetime\nassert total([datetime.date(2020, 1, 1)])",
    ),
    "chance": (
        "import random\nassert total([random.random()])",
        "import random\nrandom.seed(1)\nassert total([random.random()])",
    ),
    "open": (
        "assert open('README.md').read() == total([])",
        "(tmp_path / 'a').write_text('x')\nassert open(tmp_path / 'a').read() == total([])",
    ),
    "path": (
        "from pathlib import Path\np = Path('shop') / 'x'\nassert p.read_text() == total([])",
        "p = tmp_path / 'x'\np.write_text('')\nassert p.read_text() == total([])",
    ),
    "own-file": (
        "from pathlib import Path\nassert total(Path(__file__))",
        "from pathlib import Path\nassert total(Path('a/b')) == 'a'",
    ),
    "network": (
        "import urllib.request\nassert total(urllib.request.urlopen('http://x'))",
        "import urllib.parse\nassert total(urllib.parse.quote('x'))",
    ),
    "programs": ("import subprocess\nassert total([])", "import json\nassert total([])"),
    "log": (
        "def test_a(caplog):\n    total([])\n    assert 'x' in caplog.text",
        "def test_a(capsys):\n    total([])\n    assert 'x' in capsys.readouterr().out",
    ),
    "sleep": (
        "import asyncio\nasyncio.run(asyncio.sleep(1))\nassert total([])",
        "import asyncio\nassert asyncio.run(total([]))",
    ),
    "eval": ("assert eval('total([])') == total([])", "assert total([]) == 1"),
    "exit": ("import os\nos._exit(0)\nassert total([])", "import os\nassert total([os.sep])"),
    "loop-at-import": (
        "while total([]):\n    pass\n\n\ndef test_a():\n    assert total([])",
        "LIMIT = 3\n\n\ndef test_a():\n    assert total([LIMIT])",
    ),
    "call-at-import": (
        "total([])\n\n\ndef test_a():\n    assert total([])",
        "'A caption.'\n\n\ndef test_a():\n    assert total([])",
    ),
}


@pytest.mark.parametrize("name", TWINS)
def test_internals_and_their_near_twins(name: str) -> None:
    bad, good = TWINS[name]
    assert (against(bad), against(good)) == ("internals", "")


def test_private_names_that_callers_use_are_no_secret() -> None:
    body = "assert Item(1)._net() == 1"
    assert against(body) == "internals"
    assert against(body, function=FUNCTIONS["Item._net"]) == ""
    assert against(body, seen="assert item._net() == 3") == ""
    assert against(body, seen="assert item._network() == 3") == "internals"


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("total([])\nassert False", "assert total([]) == 1"),
        ("total([])\nassert 1 == 2", "got = total([])\nassert got == 2"),
        ("total([])", "for x in total([]):\n    assert x"),
        ("x = 1\nx += 2\ntotal([])\nassert x == 4", "x = 1\nx += total([])\nassert x == 4"),
        ("out = [1]\ntotal([])\nassert out == [2]", "out = []\nout.append(total([]))\nassert out == [2]"),
        ("items = []\nassert items == [1]", "items = []\ntotal(items)\nassert items == [1]"),
        (
            "with pytest.raises(ValueError):\n    int('1')",
            "with pytest.raises(ValueError):\n    total('1')",
        ),
        ("pytest.fail('x')", "if total([]) != 1:\n    pytest.fail('x')"),
        (
            "try:\n    int('x')\nexcept ValueError:\n    raise",
            "try:\n    total('x')\nexcept ValueError:\n    pytest.fail('x')",
        ),
        (
            "def helper():\n    return 1\n\n\ndef test_a():\n    assert helper() == 2",
            "def helper():\n    return total([])\n\n\ndef test_a():\n    assert helper() == 2",
        ),
        ("assert tmp_path.exists()", "total(tmp_path)\nassert tmp_path.exists()"),
        ("def test_a(tmp_path):\n    assert not tmp_path", "def test_a(basket):\n    assert not basket.size()"),
    ],
)
def test_trivial_tests_and_their_near_twins(bad: str, good: str) -> None:
    assert (against(bad), against(good)) == ("trivial", "")


def test_where_an_exception_is_the_point_the_call_is_enough() -> None:
    assert against("total(None)") == "trivial"
    assert against("total(None)", raises="TypeError") == ""


def test_what_does_not_parse_is_broken() -> None:
    assert against("def test_a(:\n    pass") == "broken"
    assert against("def test_a():\n    " + "(" * 3000) == "broken"

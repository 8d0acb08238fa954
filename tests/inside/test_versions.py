"""Every Python from 3.8 on can run what goes in: its syntax everywhere, its work with the interpreters at hand."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bot
from bot.sandboxes.docker import rootfs

INSIDE = Path(bot.__file__).parent / "inside"
FILES = sorted(INSIDE.glob("*.py"))

WORK = r"""
import ast, gc, json, sys
home, place = sys.argv[1:]
sys.path.insert(0, home)
from tryline_inside import inputs, instrument, recorder, swap

source = '''
import functools

def once(g):
    @functools.wraps(g)
    def inner(*args, **named):
        return g(*args, **named)
    return inner

class Cart:
    def __init__(self):
        self.__prices = [1, 2]

    @once
    def total(self, factor=2, *more, tax=0):
        "Sums."
        result = 0
        for price in self.__prices:
            if price > 1:
                result += price * factor
        return result + tax

    async def later(self):
        return [n async for n in self.stream()]

    async def stream(self):
        try:
            yield 1
        finally:
            pass
'''
with open(place + "/shop.py", "w") as stream:
    stream.write(source)
targets = []
for node in ast.walk(ast.parse(source)):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        first = min([node.lineno] + [d.lineno for d in node.decorator_list])
        targets.append({"line": first, "name": node.name, "id": node.name})
book = recorder.Recorder()
instrument.publish(book)
overrides = instrument.Overrides(place)
overrides.observing("shop.py", targets, book, True, True)
sys.path.insert(0, place)
import shop
import asyncio
book.begin()
first = shop.Cart().total(3, tax=1)
lines = book.lines()["shop.py"]
calls = [(c["function"], c["result"]) for c in book.calls]
book.begin()
streamed = asyncio.new_event_loop().run_until_complete(shop.Cart().later())

overrides.replacing("shop.py", source)
del sys.modules["shop"]
del shop
import shop
gc.collect()
line = next(t["line"] for t in targets if t["name"] == "total")
text = "".join(source.splitlines(True)[line - 1:line + 7])
unit = swap.Unit({"file": "shop.py", "line": line, "name": "total", "classes": ["Cart"], "source": text}, place)
steps = recorder.Recorder(step_limit=100, pairs=True)
instrument.publish(steps)
unit.install(*unit.compile(text.replace("price > 1", "price >= 1").replace("factor=2", "factor=10"), False, "x"))
print(json.dumps({
    "first": first, "lines": lines, "calls": calls, "streamed": streamed,
    "functions": len(unit.functions), "second": shop.Cart().total(), "steps": steps.steps,
    "pairs": len(steps.pairs), "digest": recorder.digest(recorder.canon([1, 1.5, "a", {"k": {2, 1}}])),
    "derived": inputs.derive([1, "abc", [1, 2]], inputs.generator(1, 3)),
}))
"""

CALLS = r"""
import collections, dataclasses, datetime, decimal, functools, gc, json, re, sys, threading
home, place = sys.argv[1:]
sys.path.insert(0, home)
from tryline_inside import calls, express, instrument, recorder, swap, timing

source = '''
import dataclasses

@dataclasses.dataclass
class Item:
    price: float

class Cart:
    def __init__(self, items):
        self.items = items

def work(values, limit=0):
    if not values:
        raise ValueError("empty")
    if limit:
        return values[limit]
    return sorted(value * 2 for value in values)
'''
with open(place + "/shop.py", "w") as stream:
    stream.write(source)
sys.path.insert(0, place)
import shop

values = [1.5, float("nan"), {"a": {1, 2}}, decimal.Decimal("1"), datetime.date(2020, 1, 2), re.compile("a", re.I)]
values += [collections.deque([1]), functools.partial(int, "1"), shop.Item(2.0), shop.Cart([1]), KeyError("a"), len]
sources = []
for value in values:
    written, needs = express.express(value, True)
    same = written and recorder.canon(express.evaluate(written, needs), 40) == recorder.canon(value, 40)
    sources.append(written if same else "")
opaque = []
recorder.canon([threading.Lock()], 40, opaque)

text = source[source.index("def work"):]
line = source[:source.index("def work")].count("\n") + 1
unit = swap.Unit({"file": "shop.py", "line": line, "name": "work", "classes": [], "source": text}, place)
book = recorder.Recorder(step_limit=1000)
instrument.publish(book)
original = timing.Version.of(shop.work)
unit.install(*unit.compile(text))
kinds = [["values", "p"], ["limit", "p"]]
inputs = [{"source": "([2, 1], 0)"}, {"source": "([], 0)"}, {"source": "([1], 5)"}]
rows = []
message = {"parameters": kinds, "inputs": inputs, "seconds": 5}
complete = calls.run(message, shop.work, book, lambda row: rows.append(row) or 0)
rows = [row for row in rows if not row.get("begun")]

code, defaults = unit.compile(text.replace("value * 2", "value * 2 + 0"), probes=False)
bench = timing.Bench(unit, [original, timing.Version(code, original.defaults)], kinds, 0)
timed = []
timing.run(dict(message, inputs=inputs[:1], scales=[1, 4], seconds=1), bench, timed.append)
print(json.dumps({
    "sources": sources, "opaque": bool(opaque), "complete": complete,
    "rows": [[row["how"], row.get("answer"), row.get("explicit"), row.get("line", line) - line] for row in rows],
    "timed": [[row["scale"], row.get("how"), row.get("events")] for row in timed],
    "alike": len(set(timed[0]["digests"])), "rounds": len(timed[0]["seconds"][1]) >= 5,
}))
"""


def interpreters() -> list[Path]:
    """One of each version on this machine, the one that runs the tests first."""
    found = {sys.version_info[:2]: Path(sys.executable)}
    for interpreter in rootfs.interpreters(os.environ, home=Path.home()):
        found.setdefault(interpreter.version[:2], interpreter.executable)
    return [found[version] for version in sorted(found)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_syntax_is_that_of_the_oldest(path: Path) -> None:
    ast.parse(path.read_text(), path.name, feature_version=(3, 8))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_only_the_standard_library_and_pytest_are_imported(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            if path.name in ("plugin.py", "serve.py", "trials.py", "runner.py") and top in ("pytest", "_pytest"):
                continue
            assert name == "tryline_inside" or top in sys.stdlib_module_names, f"{path.name}: {name}"


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.name)
def test_probes_and_swaps_work(python: Path, home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-I", "-W", "error::SyntaxWarning", "-c", WORK, home, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said == {
        "first": 7,
        "lines": [7, 12, 17, 18, 19, 20, 21],
        "calls": [["__init__", "None"], ["total", "7"], ["inner", "7"]],
        "streamed": [1],
        "functions": 1,
        "second": 30,
        "steps": 7,
        "pairs": 1,
        "digest": "947b957c96be",
        "derived": [3, "abc", [1, 2]],
    }


@pytest.mark.thorough
@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.name)
def test_calls_and_times_work(python: Path, home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, "-I", "-W", "error::SyntaxWarning", "-c", CALLS, home, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "sources": [
            "1.5",
            'float("nan")',
            "{'a': {1, 2}}",
            "decimal.Decimal('1')",
            "datetime.date(2020, 1, 2)",
            "re.compile('a', re.IGNORECASE)",
            "collections.deque([1])",
            "functools.partial(int, '1')",
            "shop.Item(price=2.0)",
            "shop.Cart(items=[1])",
            "KeyError('a')",
            "len",
        ],
        "opaque": True,
        "complete": True,
        "rows": [
            ["returned", "[2, 4]", None, 0],
            ["raised", None, True, 2],
            ["raised", None, False, 4],
        ],
        "timed": [
            [1, ["returned", "returned"], None],
            [4, ["returned", "returned"], None],
            [4, None, [{}, {}]],
            [1, None, [{}, {}]],
        ],
        "alike": 1,
        "rounds": True,
    }

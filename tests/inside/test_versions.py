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
            if path.name in ("plugin.py", "serve.py", "runner.py") and top in ("pytest", "_pytest"):
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

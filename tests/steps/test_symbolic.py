"""A solver looks for inputs that lead a rewrite astray: what it tells is read with care, and run for real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from engines import RECIPE, contents, docker_backend, prepared, printed, tar
from rewriting import Files

from bot import trial
from bot.domain import Image, Limits, SuitePlan
from bot.languages import InstallWishes
from bot.languages.python import symbolic as tool
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps import symbolic
from bot.steps.symbolic import Compared, explored, said, shortened, usable
from bot.wire_calls import Called

CODE = '''"""Prices."""

from dataclasses import dataclass

from shop.rates import RATE


@dataclass
class Line:
    sku: str
    qty: int


def clamp(value: int, low: int, high: int) -> int:
    if value < low:
        return low
    return high if value > high else value


def distinct(items: list[int]) -> list[int]:
    found: list[int] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


def code(number: int, text: str) -> int:
    return len(text) * RATE


def halved(line: Line) -> Line:
    return Line(line.sku, line.qty // 2)


def nearest(points, at):
    best = None
    for point in points:
        if best is None or abs(point - at) < abs(best - at):
            best = point
    return best


def opened(path: str) -> int:
    with open(path) as stream:
        return len(stream.read())
'''
FILES = {
    "shop/__init__.py": "",
    "shop/rates.py": "RATE = 1\n",
    "shop/prices.py": CODE,
    "test_prices.py": "from shop import prices\n\n\ndef test_clamp():\n    assert prices.clamp(1, 2, 3) == 2\n",
}
TESTS = ("test_prices.py::test_clamp",)
CODE_ALIKE = "def code(number: int, text: str) -> int:\n    return RATE * len(text)\n"
SECONDS = 5.0

# ------------------------------------------------------------------------------------------------ what was told


def reply(code: int, stop: str = "", before: str = "", **told: Any) -> dict[str, Any]:
    row = {"paths": 12, "returned": 20, "exhausted": False, "needs": [], "inputs": [], "why": "", **told}
    return {"code": code, "stop": stop, "output": f"{before}\n{json.dumps(row)}\n"}


def test_what_the_tool_tells_is_read() -> None:
    found = explored(reply(0, before="printed by the repository", exhausted=True))
    assert (found.paths, found.returned, found.exhausted, found.inputs, found.why) == (12, 20, True, (), "")
    found = explored(reply(1, inputs=["(1, Line(), )"], needs=["from shop.prices import Line"]))
    assert [(i.source, i.needs) for i in found.inputs] == [("(1, Line(), )", ("from shop.prices import Line",))]


@pytest.mark.parametrize(
    "bad",
    [
        {"code": 0, "stop": "timeout", "output": ""},
        {"error": "broken"},
        {"code": 0, "stop": "", "output": ""},
        {"code": 0, "stop": "", "output": "[1]"},
        {"code": 0, "stop": "", "output": "[" * 100_000},
        reply(2),
        reply(0, why="absent"),
        reply(0, why=None),
        reply(1),
        reply(1, inputs=["import os", "f(", 3]),
        reply(1, inputs="(1,)"),
    ],
)
def test_what_is_not_in_order_says_nothing(bad: dict[str, Any]) -> None:
    assert explored(bad).why


def test_needs_that_are_no_imports_are_dropped() -> None:
    assert explored(reply(1, inputs=["(x,)"], needs=["x = 1"])).inputs[0].needs == ()


def test_only_what_ended_by_itself_is_compared_and_a_missing_name_is_no_answer() -> None:
    row = Called("returned", "d", "1", "2")
    assert usable(row)
    assert usable(replace(row, how="raised", raised="KeyError"))
    assert not usable(replace(row, how="raised", raised="NameError"))
    assert not any(usable(replace(row, how=how)) for how in ("endless", "left", "unusable"))


def test_words_stay_on_a_line_and_in_their_span() -> None:
    assert shortened("a`b\nc", 20) == "a'b c"
    assert len(shortened("x" * 99, 20)) == 20
    row = Called("raised", "d", "1", "KeyError: 'x'", after="([],)")
    assert said(row) == "raises `KeyError: 'x'`, and leaves `([],)`"


# ------------------------------------------------------------------------------------------------- in a container


@pytest.fixture(scope="module")
def image() -> Image:
    steps = Python().recipe(Files({}), InstallWishes(symbolic=True)).steps
    recipe = replace(RECIPE, steps=(*RECIPE.steps, steps[-1]))
    return docker_backend().prepare(recipe, lambda: tar({}), Silent())


@pytest.fixture(scope="module")
def side(image: Image) -> Iterator[trial.Side]:
    plan = SuitePlan(("--rootdir=/repo", "-p", "no:cacheprovider"), (), "pytest", {})
    made = trial.Side(Files(FILES), contents(FILES), image, plan)
    with trial.Lab(docker_backend(), Limits()).open(made) as box:
        look = f"import os, sys; print(os.path.isdir({tool.FOLDER + '/crosshair'!r}))"
        if printed(box, look) != "True":
            pytest.skip("the package index here does not give the tool")
        found = printed(box, "import importlib.util as u; print([u.find_spec(n) for n in ('z3', 'crosshair')])")
        assert found == "[None, None]", "nothing else sees it"
    yield made


def compared(side: trial.Side, name: str, new: str, *calls: str) -> Compared:
    language = Python()
    function = next(f for f in language.functions("shop/prices.py", CODE) if f.qualname == name)
    place = trial.Place(language, CODE, function, language.unit(CODE, function))
    versions = (trial.Version(function.source), trial.Version(new))
    lab = trial.Lab(docker_backend(), Limits())
    return symbolic.compare(lab, side, place, versions, "head", TESTS, SECONDS, calls=calls)


@pytest.mark.engine
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("distinct", "def distinct(items: list[int]) -> list[int]:\n    return list(dict.fromkeys(items))\n"),
        ("halved", "def halved(line: Line) -> Line:\n    return Line(line.sku, line.qty >> 1)\n"),
    ],
)
def test_versions_that_answer_alike(side: trial.Side, name: str, new: str) -> None:
    found = compared(side, name, new)
    assert found.words.startswith("no difference from head found symbolically in 5 s ("), found
    assert (found.differs, found.why) == (False, "")


@pytest.mark.engine
@pytest.mark.thorough
@pytest.mark.parametrize(
    ("name", "new", "words"),
    [
        (
            "clamp",
            "def clamp(value: int, low: int, high: int) -> int:\n    return max(low, min(value, high))\n",
            "differs from head on `clamp(",
        ),
        (
            "code",
            "def code(number: int, text: str) -> int:\n"
            "    return -1 if number * 7 + 3 == 12345672 else len(text) * RATE\n",
            "differs from head on `code(1763667, ",
        ),
        (
            "halved",
            "def halved(line: Line) -> Line:\n    return Line(line.sku, line.qty // 2 * (line.qty != 977))\n",
            "differs from head on `halved(Line(sku='",
        ),
    ],
)
def test_the_one_input_that_leads_them_apart_is_found_and_run(
    side: trial.Side, name: str, new: str, words: str
) -> None:
    found = compared(side, name, new)
    assert found.differs, found
    assert found.words.startswith(words)
    assert " there, gives `" in found.words


@pytest.mark.engine
@pytest.mark.thorough
def test_recorded_calls_say_what_annotations_do_not(side: trial.Side) -> None:
    new = "def nearest(points, at):\n    return min(points, key=lambda point: abs(point - at), default=None)\n"
    found = compared(side, "nearest", new, "([1, 5], 3)")
    assert found.words.startswith("no difference from head"), found
    wrong = new.replace("abs(point - at)", "abs(point - at) + (point == 5127)")
    found = compared(side, "nearest", wrong, "([1, 5], 3)")
    assert found.differs, found
    assert "5127" in found.words
    assert compared(side, "nearest", new).why.startswith("not all of its parameters have types")


@pytest.mark.engine
@pytest.mark.thorough
def test_nothing_is_said_where_no_path_returns(side: trial.Side) -> None:
    """The tool lets nobody open files."""
    new = "def opened(path: str) -> int:\n    return len(open(path).read())\n"
    found = compared(side, "opened", new)
    assert (found.words, found.differs) == ("", False)
    assert "returned for none" in found.why


@pytest.mark.engine
@pytest.mark.thorough
def test_a_difference_that_does_not_show_is_not_believed(side: trial.Side) -> None:
    """What `__name__` says depends on the module; in the function's place both versions say the same."""
    new = "def code(number: int, text: str) -> int:\n    return len(text) * (__name__ == 'shop.prices')\n"
    found = compared(side, "code", new)
    assert (found.words, found.differs) == ("", False)
    assert "does not show" in found.why


@pytest.mark.engine
def test_an_image_without_the_tool_is_said() -> None:
    backend = docker_backend()
    plan = SuitePlan(("--rootdir=/repo", "-p", "no:cacheprovider"), (), "pytest", {})
    found = compared(trial.Side(Files(FILES), contents(FILES), prepared(backend), plan), "code", CODE_ALIKE)
    assert (found.words, found.differs) == ("", False)
    assert "does not hold the tool" in found.why

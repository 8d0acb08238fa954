"""What is written to compare two versions of a function symbolically, and when it is installed."""

from __future__ import annotations

import ast
import sys
from types import ModuleType

import pytest
from rewriting import Files

from bot.domain import Function
from bot.languages import Answered, InstallWishes, Unparsable
from bot.languages.python import symbolic
from bot.languages.python.language import Python

PYTHON = Python()
TEXT = """from dataclasses import dataclass

_LEAST = 3


@dataclass
class Line:
    qty: int


def total(lines: list[Line], most: int = 5) -> int:
    return sum(line.qty for line in lines) + _LEAST


async def later(n: int) -> int:
    return n


def each(n: int):
    yield n


def untyped(a, b: int):
    return b


def nothing() -> int:
    return 1


class Cart:
    def add(self, n: int) -> int:
        return n
"""
FILES = Files({"shop/__init__.py": "", "shop/cart.py": TEXT})


def function(name: str, path: str = "shop/cart.py") -> Function:
    return next(f for f in PYTHON.functions(path, TEXT) if f.qualname == name)


def test_both_versions_stand_beside_the_module() -> None:
    total = function("total")
    new = Answered("    def total(lines, most):\n        return len(math.pi)\n", ("import math",))
    made = PYTHON.comparison(total, FILES, Answered(total.source), new, (), 7.5)
    assert sorted(made.files) == ["shop/tryline_new_cart.py", "shop/tryline_old_cart.py"]
    assert made.argv[0] == "/venv/bin/python"
    names = ["shop.cart", "shop.tryline_old_cart.total", "shop.tryline_new_cart.total"]
    assert made.argv[-4:] == (*names, "7.5")
    for text in made.files.values():
        ast.parse(text)
    assert "import math\n" in made.files["shop/tryline_new_cart.py"]


def test_a_version_has_what_its_module_has_and_keeps_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("tryline_sample_cart")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(TEXT, "cart.py", "exec", dont_inherit=True), vars(module))
    source = "def total(lines: list[Line], most: int = 5) -> int:\n    return Line(_LEAST)\n"
    names: dict[str, object] = {"__name__": "beside"}
    exec(symbolic.beside(module.__name__, Answered(source), {}), names)
    assert names["total"]([]) == module.Line(3), "of the same class"  # type: ignore[operator]
    assert names["__name__"] == "beside"
    assert module.total([]) == 3


def test_the_module_of_a_package_and_one_without_are_named_as_they_are_imported() -> None:
    for path, wanted in (
        ("shop/__init__.py", "shop.tryline_old_init.total"),
        ("tool.py", "tryline_old_tool.total"),
    ):
        files = Files({path: TEXT, "shop/__init__.py": TEXT})
        total = function("total", path)
        made = PYTHON.comparison(total, files, Answered(total.source), Answered(total.source), (), 1)
        assert made.argv[-3] == wanted


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("later", "coroutine"),
        ("each", "generator"),
        ("untyped", "types"),
        ("nothing", "no parameters"),
        ("Cart.add", "class"),
    ],
)
def test_what_cannot_be_compared_is_said(name: str, why: str) -> None:
    found = function(name)
    with pytest.raises(Unparsable, match=why):
        PYTHON.comparison(found, FILES, Answered(found.source), Answered(found.source), (), 1)


def test_the_tool_is_installed_only_where_it_is_asked_for_and_apart() -> None:
    plain, asked = PYTHON.recipe(FILES, InstallWishes()), PYTHON.recipe(FILES, InstallWishes(symbolic=True))
    assert asked.steps[:-1] == plain.steps
    assert asked.key() != plain.key()
    step = asked.steps[-1]
    assert not step.required
    assert step.argv[step.argv.index("--target") + 1] == symbolic.FOLDER
    assert "==" in step.argv[-1], "a version that was tried"
    assert "crosshair" not in " ".join(word for each in plain.steps for word in each.argv)


def test_types_that_nobody_wrote_are_those_of_recorded_calls() -> None:
    found = function("untyped")
    version = Answered(found.source)
    made = PYTHON.comparison(found, FILES, version, version, ("([1, -2], 3)", "([True, None], 4)"), 1)
    text = made.files["shop/tryline_old_cart.py"]
    assert "def untyped(a: tryline_typing.List[tryline_typing.Union[int, bool, None]], b: int):" in text
    for calls in (("(Line(1), 3)",), ("([], 3)",), ("(*a, 3)",), ("3",), ()):
        with pytest.raises(Unparsable, match="types"):
            PYTHON.comparison(found, FILES, version, version, calls, 1)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ("'a', 'b'", "str"),
        ("1.5, -2.0", "float"),
        ("b'x'", "bytes"),
        ("{'a': 1}, {}, {'b': 2}", "T.Dict[str, int]"),
        ("(1, 'a'), (2, 'b')", "T.Tuple[int, str]"),
        ("(1, 'a'), (2,)", ""),
        ("{1}, None", "T.Union[T.Set[int], None]"),
        ("[[1], []]", "T.List[T.List[int]]"),
        ("[x]", ""),
        ("(), ()", ""),
        ("...", ""),
    ],
)
def test_the_type_of_plain_values(values: str, wanted: str) -> None:
    row = ast.parse(f"[{values}]", mode="eval").body
    assert isinstance(row, ast.List)
    assert symbolic.type_of(row.elts) == wanted.replace("T.", f"{symbolic.TYPING}.")

"""What ranking and keys ask of Python: decisions, names, classes, and whole trees of functions."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

import pytest

from bot.errors import UsageError
from bot.languages.python.language import Python
from bot.steps.find import find_all
from bot.wire import CALLS_EACH, WATCHED_TOGETHER, shares
from bot.workspace import Packed

PYTHON = Python()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return 1", 0),
        ("return a if b else c", 1),
        ("return a and b and c", 2),
        ("return [x for x in y if x if a]", 3),
        ("assert a\n    while b:\n        a()", 2),
        ("try:\n        a()\n    except (A, B):\n        b()\n    except C:\n        c()", 2),
        ("if a:\n        b()\n    elif c:\n        d()\n    else:\n        e()", 2),
        ("def g():\n        if a:\n            b()\n    return g", 1),
    ],
)
def test_branches_are_decisions(body: str, expected: int) -> None:
    function = PYTHON.functions("a.py", f"def f(a, b, c, y):\n    {body}\n")[0]
    assert PYTHON.branches(function) == expected


def test_mentions_are_bare_names_called_or_handed_on() -> None:
    source = "    def f(self, key=default):\n        return cart.total(map(price, self.lines))\n"
    assert PYTHON.mentions(source) == {"default", "cart", "total", "map", "price", "self", "lines"}


def test_special_methods_are_reached_by_their_class() -> None:
    text = "class A:\n    def __init__(self): pass\n    def go(self): pass\n\n\ndef __getattr__(name): pass\n"
    found = {f.qualname: PYTHON.classes(f) for f in PYTHON.functions("a.py", text)}
    assert found == {"A.__init__": ("A",), "A.go": (), "__getattr__": ()}


def packed(files: dict[str, str]) -> Packed:
    """Files as a tree has them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return Packed(buffer.getvalue())


TREE = packed(
    {
        "a.py": "def a():\n    def inner(): pass\n\n\nclass C:\n    def m(self): pass\n",
        "lib/b.py": "def b(): pass\n",
        "lib/broken.py": "def b(:\n",
        "lib/made.py": "# @generated\ndef made(): pass\n",
        "lib/huge.py": "#" * 2000,
        "lib/empty.py": "",
        "library/c.py": "def c(): pass\n",
        "tests/test_a.py": "def test_a(): pass\n",
        "README.md": "def no(): pass\n",
        "vendor/v.py": "def v(): pass\n",
    }
)


def found(paths: Sequence[str] = ()) -> tuple[set[str], dict[str, str]]:
    """Names of the functions, and reasons of what is left out."""
    whole = find_all(TREE, [PYTHON], exclude=("vendor/",), max_file_bytes=1000, paths=paths)
    return {f.head.qualname for f in whole.functions}, {row.path: row.slug for row in whole.not_reviewed}


def test_every_function_of_a_tree() -> None:
    assert found() == (
        {"a", "a.<locals>.inner", "C.m", "b", "c"},
        {
            "lib/broken.py": "unparsable",
            "lib/made.py": "generated",
            "lib/huge.py": "too-large",
            "vendor/v.py": "excluded",
        },
    )


def test_functions_below_paths() -> None:
    assert found(["lib"])[0] == {"b"}, "and not what only begins so"
    assert found(["lib/"])[0] == {"b"}
    assert found(["."])[0] == found()[0]
    assert found(["a.py", "./library/c.py"])[0] == {"a", "a.<locals>.inner", "C.m", "c"}
    with pytest.raises(UsageError) as caught:
        found(["librari"])
    assert caught.value.slug == "no-such-file"


def test_a_packed_tree_reads_as_the_tree() -> None:
    assert TREE.paths()[:3] == ("README.md", "a.py", "lib/b.py")
    assert TREE.read("lib/b.py") == b"def b(): pass\n"
    assert Packed(TREE.tar()).paths() == TREE.paths()
    with pytest.raises(KeyError):
        TREE.read("lib")


def test_many_watched_functions_share_the_calls() -> None:
    assert shares(WATCHED_TOGETHER) == {}, "a few have what they always had"
    assert shares(1000)["total"] == 1000 * CALLS_EACH
    assert shares(1000)["per_function"] == CALLS_EACH

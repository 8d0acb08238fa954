"""Stories: whatever shape a function, a file or a project has, the suggestion fits it byte by byte."""

from __future__ import annotations

import pytest
from telling import Author, Files, Told

pytestmark = pytest.mark.engine

TEST_GRADES = """\
from grades import grade


def test_a():
    assert grade(90) == "A"


def test_b():
    assert grade(50) == "B"


def test_c():
    assert grade(49) == "C"
"""
CRLF = (
    b"def grade(points):\r\n"
    b"    if points >= 90:\r\n"
    b'        return "A"\r\n'
    b"    # half of all points\r\n"
    b"    if points > 50:\r\n"
    b'        return "B"\r\n'
    b'    return "C"\r\n'
    b"\r\n\r\n"
    b"def best():\r\n"
    b'    return "A"'
)
TABS = b'def grade(points):\n\tif points >= 90:\n\t\treturn "A"  # best\n\treturn "B" if points > 50 else "C"'


@pytest.mark.parametrize("head", [CRLF, TABS], ids=["crlf", "tabs-and-no-last-newline"])
def test_a_suggestion_keeps_line_ends_tabs_and_the_missing_last_newline(author: Author, head: bytes) -> None:
    fixed = head.replace(b"> 50", b">= 50")
    plain = fixed.replace(b"    # half of all points\r\n", b"").replace(b"  # best", b"")
    author.main({"grades.py": plain, "test_grades.py": TEST_GRADES})
    author.topic({"grades.py": head})
    told = author.review()
    assert author.accept(told.suggestion) == fixed
    assert author.green()


GREETING = """\
# -*- coding: latin-1 -*-
def greet(name, formal):
    # Grüße
    text = "Schönen Tag, " + name
    if formal or name:
        return text
    return "Grüß dich"
"""
TEST_GREETING = """\
from greeting import greet


def test_formal():
    assert greet("Ada", True) == "Schönen Tag, Ada"


def test_nobody():
    assert greet("", True) == "Grüß dich"


def test_informal():
    assert greet("Ada", False) == "Grüß dich"
"""


def test_a_suggestion_keeps_the_encoding_of_the_file(author: Author) -> None:
    fixed = GREETING.replace("formal or name", "formal and name")
    plain = fixed.replace('    text = "Schönen Tag, " + name\n', "")
    plain = plain.replace("return text", 'return "Schönen Tag, " + name')
    author.main({"greeting.py": plain.encode("latin-1"), "test_greeting.py": TEST_GREETING})
    author.topic({"greeting.py": GREETING.encode("latin-1")})
    told = author.review()
    assert author.accept(told.suggestion) == fixed.encode("latin-1")
    assert author.green()


KINDS = """\
import asyncio
import functools


def logged(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args)

    return inner


def counter(start):
    count = start

    def up(step=1):
        nonlocal count
        count += step
        return count

    return up


@logged
def area(width, height):
    return width * height


@functools.lru_cache(maxsize=None)
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


class Box:
    def __init__(self, size):
        self._size = size

    @property
    def size(self):
        return self._size * 2

    @staticmethod
    def bigger(a, b):
        return a if a > b else b

    @classmethod
    def of(cls, text):
        return cls(int(text))


async def gather(values):
    out = []
    for value in values:
        await asyncio.sleep(0)
        out.append(value + 1)
    return out


def evens(limit):
    number = 0
    while number < limit:
        if number % 2 == 0:
            yield number
        number += 1
"""
TEST_KINDS = """\
import asyncio

from kinds import Box, area, counter, evens, fib, gather


def test_counter():
    up = counter(3)
    assert up() == 4
    assert up(2) == 6


def test_area():
    assert area(2, 3) == 6
    assert area(5, 1) == 5


def test_fib():
    assert [fib(n) for n in range(7)] == [0, 1, 1, 2, 3, 5, 8]


def test_size():
    assert Box(3).size == 6
    assert Box(5).size == 10


def test_bigger():
    assert Box.bigger(1, 2) == 2
    assert Box.bigger(2, 1) == 2


def test_of():
    assert Box.of("4")._size == 4


def test_gather():
    assert asyncio.run(gather([1, 2])) == [2, 3]


def test_evens():
    assert list(evens(5)) == [0, 2, 4]
    assert list(evens(4)) == [0, 2]
"""
BROKEN = {
    "counter.<locals>.up": ("count += step", "count = step"),
    "area": ("return width * height", "return width + height"),
    "fib": ("if n < 2:", "if n <= 2:"),
    "Box.size": ("return self._size * 2", "return self._size + 2"),
    "Box.bigger": ("return a if a > b else b", "return a if a < b else b"),
    "Box.of": ("return cls(int(text))", "return cls(int(text) + 1)"),
    "gather": ("out.append(value + 1)", "out.append(value - 1)"),
    "evens": ("if number % 2 == 0:", "if number % 2 != 0:"),
}


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> tuple[Author, Told]:
    """One branch that breaks a function of every kind, and its review."""
    author = Author(tmp_path_factory.mktemp("kinds") / "project")
    author.main({"kinds.py": KINDS, "test_kinds.py": TEST_KINDS})
    text = KINDS
    for old, new in BROKEN.values():
        assert text.count(old) == 1
        text = text.replace(old, new)
    author.topic({"kinds.py": text})
    told = author.review("--set", "comments.max_inline=20")
    return author, told


@pytest.mark.parametrize("name", list(BROKEN))
def test_every_kind_of_function_is_found_and_repaired(kinds: tuple[Author, Told], name: str) -> None:
    _, told = kinds
    (finding,) = [finding for finding in told.findings if finding["function"] == name]
    assert finding["suggestion"] is not None, finding["why_no_suggestion"]
    assert finding["verdict"]["accepted"]
    assert len(finding["witness"]["tests"]) == 1


def test_all_suggestions_together_make_the_suite_green(kinds: tuple[Author, Told]) -> None:
    author, told = kinds
    assert not author.green()
    for finding in sorted(told.findings, key=lambda finding: -int(finding["suggestion"]["start_line"])):
        author.accept(finding["suggestion"])
    assert author.green()


BANK: Files = {
    "bank.py": """\
class Account:
    def __init__(self, balance=0):
        self.balance = balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError("not enough")
        self.balance -= amount
        return self.balance
""",
    "tests.py": """\
import unittest

from bank import Account


class Withdrawing(unittest.TestCase):
    def setUp(self):
        self.account = Account(100)

    def test_some(self):
        self.assertEqual(self.account.withdraw(30), 70)

    def test_everything(self):
        self.assertEqual(self.account.withdraw(100), 0)

    def test_too_much(self):
        with self.assertRaises(ValueError):
            self.account.withdraw(101)


if __name__ == "__main__":
    unittest.main()
""",
}


def test_a_project_that_tests_with_unittest_alone(author: Author) -> None:
    author.main(BANK)
    wordy = str(BANK["bank.py"]).replace('"not enough"', 'f"{amount} is too much"')
    author.topic({"bank.py": wordy.replace("amount > self.balance:", "amount >= self.balance:")})
    told = author.review()
    assert told.finding["witness"]["tests"] == ["tests.py::Withdrawing::test_everything"]
    assert told.finding["title"] == "`Account.withdraw` now raises ValueError"
    assert author.accept(told.suggestion).decode() == wordy
    assert author.green("tests.py")


PYPROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "grades"
version = "1"

[project.optional-dependencies]
test = []

[tool.setuptools.packages.find]
where = ["src"]
"""
PACKAGE: Files = {
    "pyproject.toml": PYPROJECT,
    "src/grades/__init__.py": "from grades.points import grade\n\n__all__ = ['grade']\n",
    "src/grades/points.py": CRLF.replace(b"\r\n", b"\n").replace(b"> 50", b">= 50") + b"\n",
    "tests/test_grades.py": TEST_GRADES,
}


def test_a_package_in_src_is_installed_and_repaired(author: Author) -> None:
    author.main(PACKAGE)
    before = PACKAGE["src/grades/points.py"]
    assert isinstance(before, bytes)
    author.topic({"src/grades/points.py": before.replace(b">= 50", b"> 50").replace(b'"C"', b"'C'")})
    told = author.review()
    assert told.result["problems"] == []
    assert "setuptools" in told.result["environment"]["image"]
    assert told.finding["path"] == "src/grades/points.py"
    assert author.accept(told.suggestion) == before.replace(b'"C"', b"'C'")


STYLED: Files = {
    "pyproject.toml": """\
[project]
name = "wide"
version = "1"

[project.optional-dependencies]
test = ["ruff"]

[tool.ruff]
line-length = 60

[tool.ruff.format]
quote-style = "single"

[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
py-modules = ["wide"]
""",
    "wide.py": """\
def label(first_name, last_name):
    return ' '.join(
        part for part in [first_name, last_name] if part
    )
""",
    "test_wide.py": """\
from wide import label


def test_label():
    assert label('Ada', 'King') == 'Ada King'


def test_one_name():
    assert label('Ada', None) == 'Ada'
    assert label('', 'King') == 'King'
""",
}


def test_a_suggestion_is_written_in_the_style_of_the_repository(author: Author) -> None:
    author.main(STYLED)
    author.topic(
        {"wide.py": "def label(first_name, last_name):\n    return ' '.join([first_name, last_name])\n"},
    )
    told = author.review()
    (found, *_) = told.finding["search"]["candidates"]
    assert max(len(line) for line in found["function_source"].splitlines()) > 60
    text = author.accept(told.suggestion).decode()
    assert author.green()
    assert max(len(line) for line in text.splitlines()) <= 60
    assert '"' not in text

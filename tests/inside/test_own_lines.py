"""Lines of tests, which pytest compiles itself, and tests of ours with known outcomes: what the runner tells."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from processes import project, run

from bot.domain import Outcome
from bot.languages.python.language import Python

TESTS = '''\
"""Tests."""
import pytest


def test_plain():
    """Says what it is."""
    global seen
    seen = [1]
    assert seen == [1]


class TestMore:
    @pytest.mark.parametrize("n", [1, 2])
    def test_with(self, n):
        with pytest.raises(KeyError):
            {}[n]
        if n == 1:
            return
        assert n == 2


def test_red():
    assert seen
    assert not seen
    assert seen
'''
LINES = {
    "test_plain": [7, 8, 9],
    "TestMore::test_with[1]": [15, 16, 17, 18],
    "TestMore::test_with[2]": [15, 16, 17, 19],
    "test_red": [23, 24],
}


@pytest.mark.parametrize("args", [[], ["--assert=plain"]], ids=["rewritten", "plain"])
def test_the_lines_that_a_test_ran_are_told(home: Path, tmp_path: Path, args: list[str]) -> None:
    root = project(tmp_path / "repo", {"test_it.py": TESTS})
    functions = Python().functions("test_it.py", TESTS)
    targets = {
        "test_it.py": [
            {"line": f.start_line, "name": f.qualname.rpartition(".")[2], "id": f.id} for f in functions
        ]
    }
    done = run(home, root, args=args, targets=targets, watch={"lines": True, "calls": False})
    ends = done.ends()
    assert {name: end["lines"].get("test_it.py") for name, end in ends.items()} == LINES
    assert ends["test_red"]["outcome"] == "failed"
    assert ("where" in done.output or "assert not [1]" in done.output) is not bool(args)  # still rewritten


def test_lines_that_are_certain_are_run_by_every_test_that_passes() -> None:
    certain = {f.qualname: Python().certain(f) for f in Python().functions("test_it.py", TESTS)}
    assert certain == {
        "test_plain": {7, 8, 9},
        "TestMore.test_with": {15, 16, 17},  # an early return may leave the rest out
        "test_red": {23, 24, 25},
    }


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("a = 1\nb = 2\n", {2, 3}),
        ("if a:\n    b = 2\nc = 3\n", {2, 4}),
        ("for a in b:\n    c = 2\nd = 3\n", {2, 4}),
        ("try:\n    a = 1\n    b = 2\nexcept ValueError:\n    c = 3\nd = 4\n", {2, 3, 7}),
        ("with a:\n    with b:\n        c = 1\n        d = 2\n", {2, 3, 4}),
        ("with a:\n    return\nb = 1\n", {2, 3}),
        ("def inner():\n    return 1\na = inner()\n", {2, 4}),
        ("a = lambda: 1\nassert a\n", {2, 3}),
        ("while True:\n    if a:\n        return 1\nb = 2\n", {2}),
        ('"""Words."""\n', set()),
    ],
)
def test_what_is_certain(body: str, expected: set[int]) -> None:
    text = "def f():\n" + "".join(f"    {line}\n" for line in body.splitlines())
    (function, *_) = Python().functions("m.py", text)
    assert Python().certain(function) == expected


@pytest.mark.parametrize("seed", range(4))
def test_tests_of_ours_come_to_what_they_must(home: Path, tmp_path: Path, seed: int) -> None:
    names = ["test_total", "TestCart.test_adds_prices"]
    ours = Python().sentinels("tests", frozenset({"tests/test_cart.py"}), names, random.Random(seed))
    root = project(tmp_path / "repo", {ours.path: ours.code, "tests/test_cart.py": ""})
    ends = run(home, root).ends()
    told = {f"{ours.path}::{name}": Outcome(end["outcome"]) for name, end in ends.items()}
    assert told == dict(ours.expected)
    assert set(told.values()) >= {Outcome.PASSED, Outcome.FAILED, Outcome.ERROR, Outcome.SKIPPED}
    assert ours.path != "tests/test_cart.py"
    assert "tryline" not in ours.path + ours.code


def test_tests_of_ours_have_other_names_each_time() -> None:
    drawn = [Python().sentinels("", frozenset(), [], random.Random(seed)) for seed in range(20)]
    assert len({ours.path for ours in drawn}) > 15
    assert all("/" not in ours.path for ours in drawn)

"""Patterns cover what .gitignore would."""

from __future__ import annotations

import pytest

from bot.patterns import covers


@pytest.mark.parametrize(
    ("pattern", "covered", "not_covered"),
    [
        ("*.py", ["a.py", "x/y/a.py"], ["a.pyi", "py"]),
        ("docs/", ["docs/a", "x/docs/b/c"], ["docs", "docs2/a"]),
        ("/docs", ["docs", "docs/a"], ["x/docs"]),
        ("src/*.py", ["src/a.py"], ["src/x/a.py", "x/src/a.py"]),
        ("src/**/*.py", ["src/a.py", "src/x/y/a.py"], ["a.py"]),
        ("**/gen", ["gen", "a/b/gen", "gen/a.py"], ["gen2"]),
        ("build/**", ["build/a", "build/a/b"], ["a/build/x"]),
        ("a?.[ch]", ["ab.c", "x/ab.h"], ["a/.c", "ab.d"]),
        ("[!a].py", ["b.py"], ["a.py"]),
        ("a+b(c).py", ["a+b(c).py"], ["aab(c).py"]),
    ],
)
def test_one_pattern(pattern: str, covered: list[str], not_covered: list[str]) -> None:
    assert [path for path in covered if not covers([pattern], path)] == []
    assert [path for path in not_covered if covers([pattern], path)] == []


def test_the_last_pattern_that_matches_decides() -> None:
    assert not covers(["*.py", "!keep.py"], "x/keep.py")
    assert covers(["!keep.py", "*.py"], "x/keep.py")
    assert not covers([], "a.py")

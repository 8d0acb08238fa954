"""The honest rewrites of bench/honest_cases.py: each slip is in one place, of one function, and parses."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from bench.honest_cases import CASES, Honest
from bot.languages.python.language import Python


def test_names_are_unique() -> None:
    assert max(Counter(case.name for case in CASES).values()) == 1
    assert len(CASES) >= 40


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_slip_is_in_one_function(case: Honest) -> None:
    assert case.module.count(case.right) == 1
    broken = case.module.replace(case.right, case.wrong)
    right, wrong = (
        {function.qualname: function.source for function in Python().functions("shop.py", text)}
        for text in (case.module, broken)
    )
    changed = {name for name in right if right[name] != wrong[name]}
    assert case.function in changed
    for text in case.tests.values():
        ast.parse(text)

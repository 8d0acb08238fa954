"""A function over several lines that no built-in edit repairs, right and wrong, with its tests: a model has to."""

from __future__ import annotations

RIGHT = '''\
def runs(text):
    """(letter, how often in a row) for each run of equal letters."""
    found = []
    for letter in text:
        if found and found[-1][0] == letter:
            found[-1] = (letter, found[-1][1] + 1)
        else:
            found.append((letter, 1))
    return found
'''
WRONG = '''\
def runs(text):
    """(letter, how often in a row) for each run of equal letters."""
    found = []
    for letter in sorted(set(text)):
        found.append((letter, text.count(letter)))
    return found
'''
TESTS = """\
from runs import runs


def test_none():
    assert runs("") == []


def test_alone():
    assert runs("a") == [("a", 1)]


def test_one_run():
    assert runs("aab") == [("a", 2), ("b", 1)]


def test_again():
    assert runs("aba") == [("a", 1), ("b", 1), ("a", 1)]


def test_order():
    assert runs("ba") == [("b", 1), ("a", 1)]
"""

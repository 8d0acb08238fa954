"""Proposing: edits of a function's text, and how the branch's change falls apart into hunks to take back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import Edit
from bot.steps.propose.text import apply, changed_lines, hunks_between, line_count, normal_ends

TEXT = "def f(a):\n    b = a\n    return b\n"
LINES = st.lists(st.sampled_from(["    a = 1", "    b = 2", "    c = 3", "", "    return a"]), max_size=8)


def test_an_edit_replaces_inserts_and_deletes_whole_lines() -> None:
    assert apply(TEXT, Edit(2, 3, ("    b = -a",))) == TEXT.replace("b = a", "b = -a")
    assert apply(TEXT, Edit(2, 2, ("    a = 2",))) == TEXT.replace("    b = a", "    a = 2\n    b = a")
    assert apply(TEXT, Edit(2, 3, ())) == TEXT.replace("    b = a\n", "")
    assert apply(TEXT.rstrip("\n"), Edit(3, 4, ("    return a",))) == TEXT.replace("return b", "return a")


@given(LINES, LINES)
def test_the_hunks_taken_together_make_base_of_head(new: list[str], old: list[str]) -> None:
    head, base = ("\n".join(["def f():", *lines, "    pass", ""]) for lines in (new, old))
    hunks = hunks_between(head, base)
    text = head
    for hunk in reversed(hunks):
        text = apply(text, hunk)
    assert text == base
    assert (hunks == ()) is (head == base)
    assert (changed_lines(head, base) == 0) is (head == base)


def test_each_hunk_can_be_taken_back_alone() -> None:
    base = "def f(a):\n    x = 1\n    y = a\n    z = 3\n    return x\n"
    head = base.replace("x = 1", "x = 10").replace("z = 3", "z = 30")
    alone = [apply(head, hunk) for hunk in hunks_between(head, base)]
    assert alone == [base.replace("z = 3", "z = 30"), base.replace("x = 1", "x = 10")]
    assert changed_lines(head, base) == 2


def test_line_ends_are_made_plain_and_the_last_line_ends() -> None:
    assert normal_ends("a\r\nb\rc") == "a\nb\nc\n"
    assert line_count(normal_ends("a\r\nb\rc")) == 3

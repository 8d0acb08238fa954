"""A rewrite changes its function and nothing else, to the byte; the suggested hunks say exactly that change."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain import Function, Replacement
from bot.languages import Unparsable
from bot.languages.python.functions import functions, lines_of
from bot.languages.python.splice import replacements, splice, standing

TEXT = '''\
#!/usr/bin/env python
"""Doc."""
from __future__ import annotations

import os
from typing import Any

x = 1  \t


class A:
    @property
    def f(self):
        return 1   # one

    def g(self): return 2
'''
NEW = "    @property\n    def f(self):\n        return 3\n"


def function(text: str, qualname: str) -> Function:
    return next(f for f in functions("a.py", text) if f.qualname == qualname)


def apply(old: str, hunks: tuple[Replacement, ...]) -> str:
    """What a platform does with suggestions."""
    lines = lines_of(old)
    for hunk in reversed(hunks):
        lines[hunk.start_line - 1 : hunk.end_line] = [hunk.replacement]
    return "".join(lines)


def test_only_the_functions_lines_change() -> None:
    target = function(TEXT, "A.f")
    assert splice(TEXT, target, NEW) == TEXT.replace(target.source, NEW)
    assert splice(TEXT, target, target.source) == TEXT


def test_the_files_line_ends_are_kept() -> None:
    text = TEXT.replace("\n", "\r\n")
    target = function(text, "A.f")
    assert splice(text, target, NEW) == splice(TEXT, function(TEXT, "A.f"), NEW).replace("\n", "\r\n")
    assert splice(text, target, NEW, ("import re",)).count("\n") == text.count("\r\n") + 1


def test_mixed_line_ends_are_kept_line_by_line() -> None:
    text = "def f():\r\n    a = 1\n    b = 2\r\n    return a\n"
    assert splice(text, function(text, "f"), "def f():\n    a = 1\n    b = 3\n    return a\n") == (
        "def f():\r\n    a = 1\n    b = 3\n    return a\n"
    )


def test_a_missing_final_line_end_stays_missing_and_an_existing_one_stays() -> None:
    text = "def f():\n    return 1"
    assert splice(text, function(text, "f"), "def f():\n    return 2\n") == "def f():\n    return 2"
    assert splice(TEXT, function(TEXT, "A.g"), "    def g(self): return 3").endswith("return 3\n")
    first = "def f(): pass\nx = 1\n"
    assert splice(first, function(first, "f"), "def f(): return 1") == "def f(): return 1\nx = 1\n"


def test_other_separators_and_odd_bytes_survive() -> None:
    text = "x = '\x0c\u2028\x85'\n\x0c\ndef f():\n    return 1\n\x1c# \x0b\n".replace("\x1c", "")
    new = splice(text, function(text, "f"), "def f():\n    return 2\n")
    assert new == text.replace("return 1", "return 2")


def test_one_of_two_definitions_is_replaced() -> None:
    text = "if x:\n    def f(): return 1\nelse:\n    def f(): return 1\n"
    assert splice(text, function(text, "f@2"), "    def f(): return 2\n") == (
        "if x:\n    def f(): return 1\nelse:\n    def f(): return 2\n"
    )


def test_nested_definitions_may_come_and_go() -> None:
    text = "def f():\n    def a(): return 1\n    return a\n\n\ndef g():\n    def a(): return 1\n    return a\n"
    new = splice(text, function(text, "f"), "def f():\n    def b(): return 1\n    return b\n")
    assert [f.qualname for f in functions("a.py", new)] == ["f", "f.<locals>.b", "g", "g.<locals>.a"]


@pytest.mark.parametrize(
    "source",
    [
        "    @property\n    def f(self):\n        return (\n",
        "    def other(self):\n        return 1\n",
        "def f(self):\n    return 1\n",
        "    def f(self):\n        return 1\n    def more(self): ...\n",
        "    def f(self):\n        return 1\nclass A:\n    pass\n",
        "    def f(self):\n        return '''\n",
        "",
    ],
)
def test_a_text_that_is_not_that_function_alone_is_refused(source: str) -> None:
    with pytest.raises(Unparsable):
        splice(TEXT, function(TEXT, "A.f"), source)


def test_a_function_that_is_no_longer_there_is_refused() -> None:
    with pytest.raises(Unparsable, match="no longer"):
        splice("\n" + TEXT, function(TEXT, "A.f"), NEW)


def imported(text: str, *imports: str) -> str:
    name = functions("a.py", text)[-1]
    return splice(text, name, name.source, imports)


def test_imports_follow_the_modules_own() -> None:
    assert imported(TEXT, "import re", "from math import inf") == TEXT.replace(
        "from typing import Any\n", "from typing import Any\nimport re\nfrom math import inf\n"
    )


def test_imports_that_are_there_are_not_repeated() -> None:
    assert imported(TEXT, "import os", "from typing import Any") == TEXT
    assert "import os as system\n" in imported(TEXT, "import os as system")
    assert imported(TEXT, "import re", "import re").count("import re") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(): pass\n", "import re\n\n\ndef f(): pass\n"),
        ('"""Doc."""\n\n\ndef f(): pass\n', '"""Doc."""\n\nimport re\n\n\ndef f(): pass\n'),
        ("# -*- coding: utf-8 -*-\ndef f(): pass\n", "# -*- coding: utf-8 -*-\n\nimport re\n\n\ndef f(): pass\n"),
        ("# A licence\n# text\n\ndef f(): pass\n", "# A licence\n# text\n\nimport re\n\ndef f(): pass\n"),
        ("# about f\ndef f(): pass\n", "import re\n\n\n# about f\ndef f(): pass\n"),
        ("from x import (\n    y,\n)\ndef f(): pass\n", "from x import (\n    y,\n)\nimport re\ndef f(): pass\n"),
        ("import os; y = 1\ndef f(): pass", "import os; y = 1\nimport re\ndef f(): pass"),
        ("import a\n@b\ndef f(): pass\n", "import a\nimport re\n@b\ndef f(): pass\n"),
        ("x = 1\nimport a\ndef f(): pass\n", "import re\n\n\nx = 1\nimport a\ndef f(): pass\n"),
    ],
)
def test_imports_find_their_place(text: str, expected: str) -> None:
    assert imported(text, "import re") == expected


@pytest.mark.parametrize("statement", ["x = 1", "import", "from __future__ import annotations", "import os; x()"])
def test_what_is_no_import_is_refused(statement: str) -> None:
    with pytest.raises(Unparsable):
        imported(TEXT, statement)


# ---------------------------------------------------------------------------------------------- replacements


def test_a_changed_line_is_one_hunk_of_one_line() -> None:
    assert replacements("a.py", "a\nb\nc\n", "a\nB\nc\n") == (Replacement("a.py", 2, 2, "B\n"),)


def test_insertions_take_in_a_neighbour_and_deletions_are_empty() -> None:
    assert replacements("a.py", "a\nb\n", "a\nx\nb\n") == (Replacement("a.py", 1, 1, "a\nx\n"),)
    assert replacements("a.py", "a\nb\n", "x\na\nb\n") == (Replacement("a.py", 1, 1, "x\na\n"),)
    assert replacements("a.py", "a\nb\nc\n", "a\nc\n") == (Replacement("a.py", 2, 2, ""),)
    assert replacements("a.py", "a\n", "a\n") == ()
    assert replacements("a.py", "", "a\n") == (Replacement("a.py", 1, 0, "a\n"),)


def test_a_change_of_the_last_line_end_is_a_change() -> None:
    assert replacements("a.py", "a\nb", "a\nb\n") == (Replacement("a.py", 2, 2, "b\n"),)


@pytest.mark.thorough
def test_far_changes_are_hunks_of_their_own_in_a_large_file() -> None:
    old = [f"line {n % 7}\n" for n in range(20_000)]
    new = [*old[:10], "new\n", *old[10:9_000], *old[9_001:]]
    hunks = replacements("a.py", "".join(old[:9_100]), "".join(new[:9_100]))
    assert apply("".join(old[:9_100]), hunks) == "".join(new[:9_100])


TEXTS = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n", "d\u2028\x0c\n"]), max_size=8).flatmap(
    lambda lines: st.sampled_from(["", "a", "b\r"]).map(lambda last: "".join(lines) + last)
)


@given(TEXTS, TEXTS)
@example("a\n", "b\na\nb\n")
@example("a\nb\n", "x\na\nx\nb\n")
def test_applying_the_hunks_gives_the_new_text(old: str, new: str) -> None:
    hunks = replacements("a.py", old, new)
    assert apply(old, hunks) == new
    assert all(one.end_line < other.start_line for one, other in itertools.pairwise(hunks))
    assert (hunks == ()) == (old == new)


def test_a_renamed_counterpart_stands_under_the_new_name() -> None:
    head = function("class A:\n    async def new(self, é):\n        pass\n", "A.new")
    before = (
        "    async def  old(self, é):\n"
        "        old = 'old'; é.old(old_one, self.old(é))\n"
        "        return await self . old(1), cls.old\n"
    )
    assert standing(before, head) == (
        "    async def  new(self, é):\n"
        "        new = 'old'; é.old(old_one, self.new(é))\n"
        "        return await self . new(1), cls.new\n"
    )


def test_a_counterpart_of_the_same_name_stands_as_it_is() -> None:
    head = function("def f():\n    return 1\n", "f")
    before = "# f\ndef f(a='f'):\n    return f\n"
    assert standing(before, head) == before


def test_a_counterpart_at_another_indentation_cannot_stand() -> None:
    with pytest.raises(Unparsable, match="in its place"):
        standing("    def f(self):\n        return 1\n", function("def f(self):\n    return 2\n", "f"))

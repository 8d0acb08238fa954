"""Functions are found where Python puts them, and their texts are compared and poisoned without being run."""

from __future__ import annotations

import inspect
import textwrap
import types
from collections.abc import Iterator
from typing import Any

import pytest

from bot.domain import Function
from bot.languages import Unparsable
from bot.languages.python import functions as python

SHOP = '''\
"""A shop."""
import functools


def plain(a, b=lambda: 1):
    return a


class Basket:
    """Holds things."""

    rate = 1

    @property
    def total(self):
        return 1

    @total.setter
    def total(self, value):
        self.x = value

    async def load(self):
        async for x in self:
            yield x

    class Inner:
        @staticmethod
        @functools.cache
        def deep(
            n,
        ):
            """Doc."""
            return n


def outer():
    def inner():
        def innermost(): return 1
        return innermost
    class Local:
        def method(self):
            yield from inner()
    return inner, Local


try:
    def either(): return 1
except ImportError:
    def either(): return 2
if True:
    with open("x") as f:
        def conditional(): ...
match 1:
    case 1:
        def matched(): ...
for x in []:
    async def looped(): ...
else:
    while False:
        def elsewhere(): ...
'''


def functions(text: str) -> dict[str, Function]:
    return {function.qualname: function for function in python.functions("shop.py", text)}


def one(text: str) -> Function:
    (function, *_) = python.functions("a.py", textwrap.dedent(text))
    return function


def run(source: str, name: str = "f", **names: Any) -> Any:
    """What a function of these tests is; the texts are ours."""
    exec(compile(source, "x", "exec"), names)
    return names[name]


def test_every_function_is_found_in_order_under_its_qualified_name() -> None:
    assert [function.qualname for function in python.functions("shop.py", SHOP)] == [
        "plain",
        "Basket.total",
        "Basket.total@2",
        "Basket.load",
        "Basket.Inner.deep",
        "outer",
        "outer.<locals>.inner",
        "outer.<locals>.inner.<locals>.innermost",
        "outer.<locals>.Local.method",
        "either",
        "either@2",
        "conditional",
        "matched",
        "looped",
        "elsewhere",
    ]


def test_names_and_lines_agree_with_the_interpreter() -> None:
    text = SHOP.split("try:\n")[0]
    found = functions(text)
    seen = {}

    def collect(code: types.CodeType) -> None:
        for inner in code.co_consts:
            if isinstance(inner, types.CodeType):
                seen[inner.co_qualname, inner.co_firstlineno] = inner
                collect(inner)

    collect(compile(text, "shop.py", "exec"))
    for function in found.values():
        code = seen[function.qualname.partition("@")[0], function.start_line]
        generator = bool(code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR))
        coroutine = bool(code.co_flags & (inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR))
        assert (generator, coroutine) == (function.is_generator, function.is_async), function.qualname


def test_lines_scopes_and_decorators() -> None:
    deep = functions(SHOP)["Basket.Inner.deep"]
    lines = SHOP.split("\n")
    assert lines[deep.start_line - 1].strip() == "@staticmethod"
    assert lines[deep.def_line - 1].strip() == "def deep("
    assert lines[deep.body_line - 1].strip() == '"""Doc."""'
    assert lines[deep.end_line - 1].strip() == "return n"
    assert deep.source == "\n".join(lines[deep.start_line - 1 : deep.end_line]) + "\n"
    assert deep.decorators == ("staticmethod", "functools.cache")
    assert deep.enclosing == ("class Basket", "class Inner")
    assert functions(SHOP)["outer.<locals>.Local.method"].enclosing == ("def outer", "class Local")


def test_line_ends_stay_and_other_separators_end_no_line() -> None:
    text = 'x = "\x0c\u2028\x85"\r\n\x0c\r\ndef f():\r\n    return "\x1c"\r\n\r\ndef g(): pass'
    found = functions(text)
    assert (found["f"].start_line, found["f"].end_line) == (3, 4)
    assert found["f"].source == 'def f():\r\n    return "\x1c"\r\n'
    assert found["g"].source == "def g(): pass"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\ndef f(:\n    pass\n", 2),
        ("x = 1\ny = 2\rz = 3\n", 2),
        ("x = '\0'\n", 0),
        ("x = " + "(" * 5000, 1),
        ("x = " + "-" * 100_000 + "1", 0),
    ],
)
def test_what_does_not_parse_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(Unparsable) as caught:
        python.functions("a.py", text)
    assert caught.value.line == line


def test_reading_prints_no_warning_of_the_code(recwarn: pytest.WarningsRecorder) -> None:
    python.functions("a.py", 'def f():\n    return "\\d" is 1\n')
    assert not recwarn.list


def test_a_long_chain_of_branches_is_read() -> None:
    text = "def f(x):\n    if x == 0: return 0\n" + "".join(
        f"    elif x == {n}: return {n}\n" for n in range(1, 400)
    )
    assert len(python.statements(text)) >= 400
    assert functions(text)["f"].end_line == 401


# ------------------------------------------------------------------------------------------------ statements


BODY = '''\
    @wraps(x)
    def f(self, a: int = (
        1
    )):
        """Doc
        string."""
        global g
        y: int
        z: int = 1
        if a:  # why
            return (
                1
            )
        elif z: pass
        else:
            @cache
            def inner():
                "doc"
                return 2
        try:
            x = 1; w = 2
        except ValueError:
            raise
        match a:
            case 1:
                """not a
                docstring"""
'''


def test_statements_start_at_their_first_line() -> None:
    assert python.statements(BODY) == (5, 7, 8, 9, 10, 11, 14, 16, 18, 19, 20, 21, 23, 24, 26)
    assert python.statements("def f(): return 1") == (1,)


def test_code_lines_are_those_that_execute_in_the_file() -> None:
    text = f"import x\nclass A:\n{BODY}"
    function = python.functions("a.py", text)[0]
    lines = python.code_lines(text, function)
    assert lines == {2 + n for n in (9, 10, 11, 14, 16, 19, 20, 21, 23, 24, 26)}


def test_statements_of_something_else_are_refused() -> None:
    for source in (
        "x = 1\n",
        "def f(): pass\ndef g(): pass\n",
        "  def f(): pass\nx = 1\n",
        "",
        "    x = 1\n",
        "class A: ...\n",
    ):
        with pytest.raises(Unparsable):
            python.statements(source)


def test_an_indented_text_reports_its_own_line() -> None:
    with pytest.raises(Unparsable) as caught:
        python.normalise("    def f():\n        return (\n")
    assert caught.value.line == 2


# ------------------------------------------------------------------------------------------------- normalise


SAME = [
    "def f(a):\n    return a + 1\n",
    "def f( a ) :\n    # why\n    return (a+1)   # because\n\n",
    '    def f(a):\n        """Doc."""\n        return a + \\\n  1\n',
    "\tdef f(\n\t\ta,\n\t):\n\t\treturn a + 1",
    "# before\ndef f(a): return a + 1\r\n",
]
OTHER = [
    "def f(a):\n    return a + 2\n",
    "def g(a):\n    return a + 1\n",
    "async def f(a):\n    return a + 1\n",
    "@x\ndef f(a):\n    return a + 1\n",
    "def f(a=1):\n    return a + 1\n",
    "def f(a):\n    'x'.upper()\n    return a + 1\n",
]


def test_layout_comments_and_docstrings_do_not_count_and_all_else_does() -> None:
    assert len({python.normalise(source) for source in SAME}) == 1
    assert len({python.normalise(source) for source in (SAME[0], *OTHER)}) == len(OTHER) + 1


def test_the_text_of_a_string_over_lines_is_not_layout() -> None:
    one, two = (f'    def f():\n        return """\n{" " * n}x"""\n' for n in (0, 4))
    assert python.normalise(one) != python.normalise(two)


def test_a_form_feed_is_no_indentation() -> None:
    assert python.normalise("\x0cdef f(a):\n    return a + 1\n") == python.normalise(SAME[0])


def test_a_body_of_a_docstring_alone_is_an_empty_body() -> None:
    assert python.normalise('def f():\n    """Doc."""\n') == python.normalise("def f():\n    pass\n")


# ---------------------------------------------------------------------------------------------------- poison


@pytest.mark.parametrize(
    "source",
    [
        "def f(): return 1",
        "def f():\n    return 1\n",
        "def f():\r\n    '''Doc\r\n    string.'''\r\n    return 1\r\n",
        "def f():\n    'Doc.'; return 1\n",
        "def f():\n    'Doc.'\n",
        "def f(\n    a='\u00e4', *b,  # :\n    c=lambda: 1,\n): return '\u00e9', a\n",
        "def f():\n    # first\n\n    @str\n    def g(): ...\n    return g\n",
        "def f(): \\\n    return 1\n",
        "def f():\n\tif 1:\n\t\treturn 2\n",
        "def f():\n    # \\\n    if 1:\n        return 2\n",
        "@staticmethod\ndef f():\n    return 1\n",
    ],
)
def test_a_poisoned_function_raises_at_once(source: str) -> None:
    function = one(source)
    poisoned = python.poison(function)
    with pytest.raises(AssertionError, match="^tryline: poisoned control$"):
        run(poisoned)()
    assert python.functions("a.py", poisoned)[0].decorators == function.decorators
    assert ("\r\n" in poisoned) == ("\r\n" in source)
    assert "\n" not in poisoned.replace("\r\n", "") or "\r\n" not in source


def test_a_poisoned_function_keeps_its_kind_its_docstring_and_its_closure() -> None:
    text = "def outer(x):\n    def f():\n        'Doc.'\n        yield x\n    return f\n"
    inner = functions(text)["outer.<locals>.f"]
    poisoned = text.replace(inner.source, python.poison(inner))
    generator = run(poisoned, "outer")(1)
    assert generator.__doc__ == "Doc."
    assert generator.__code__.co_freevars == ("x",)
    made = generator()
    assert isinstance(made, Iterator)
    with pytest.raises(AssertionError, match="poisoned"):
        next(made)
    coroutine = run(python.poison(one("async def f():\n    return 1\n")))
    assert inspect.iscoroutinefunction(coroutine)
    assert inspect.isasyncgenfunction(run(python.poison(one("async def f():\n    yield 1\n"))))


def test_poison_keeps_the_place_of_a_method() -> None:
    text = "class A:\n    def f(self):\n        return 1\n\n    def g(self):\n        return 2\n"
    function = functions(text)["A.f"]
    poisoned = text.replace(function.source, python.poison(function))
    assert [f.qualname for f in python.functions("a.py", poisoned)] == ["A.f", "A.g"]
    assert run(poisoned, "A")().g() == 2


# ----------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("test_a.py", True),
        ("x/a_test.py", True),
        ("x/tests.py", True),
        ("x/conftest.py", True),
        ("tests/helpers/data.py", True),
        ("pkg/test/a.py", True),
        ("pkg/testing/a.py", True),
        ("src/testimony.py", False),
        ("src/contest.py", False),
        ("latest.py", False),
        ("src/tests_of.py", False),
    ],
)
def test_test_files_are_known_by_their_place(path: str, expected: bool) -> None:
    assert python.is_test(path) is expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a_pb2.py", "x = 1\n", True),
        ("a_pb2_grpc.py", "x = 1\n", True),
        ("a.py", "#!/usr/bin/python\n# Code generated by tool. DO NOT EDIT.\nx = 1\n", True),
        ("a.py", '"""Parser.\n\n@generated from x.g4\n"""\nx = 1\n', True),
        ("a.py", "'''This file was automatically generated by x.'''\n", True),
        ("a.py", "x = 1\n# DO NOT EDIT\n", False),
        ("a.py", 'MARK = "@generated"\n', False),
        ("a.py", '"""Finds code."""\n# do not edit\n', False),
        ("a.py", '"""Reports are generated by users."""\n', False),
        ("a.py", "x = '" + "a" * 20_000 + "'\n", True),
        ("a.py", "x = 1\n" * 20_000, False),
    ],
)
def test_generated_files_say_so_in_their_head(path: str, text: str, expected: bool) -> None:
    assert python.is_generated(path, text) is expected


@pytest.mark.parametrize(
    "data",
    [
        "x = 'ä'\n".encode(),
        b"\xef\xbb\xbfx = 1\r\n",
        "# -*- coding: latin-1 -*-\nx = 'é'\r\n".encode("latin-1"),
        "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'".encode("cp1252"),
        b"",
        b"\r\n\x0c\n",
    ],
)
def test_bytes_survive_decoding_and_encoding(data: bytes) -> None:
    text = python.decode(data)
    assert not text.startswith("\ufeff")
    assert python.encode(text, data) == data


@pytest.mark.parametrize(
    "data",
    [
        b"x = '\xe9'\n",
        b"# coding: nonsense\n",
        b"# coding: utf-8\nx = '\xff'\n",
        b"# coding: zlib\n",
        b"# coding: rot13\n",
    ],
)
def test_bytes_that_do_not_decode_are_refused(data: bytes) -> None:
    with pytest.raises(Unparsable):
        python.decode(data)


def test_text_that_the_encoding_cannot_hold_is_refused() -> None:
    with pytest.raises(Unparsable, match="not encodable"):
        python.encode("x = '€'\n", b"# coding: latin-1\n")

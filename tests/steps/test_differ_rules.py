"""The rules by which base and head are compared, without an engine: what is called alike, and what counts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import generating
from bot.domain import ChangedFunction, Evidence, Function, SuiteRun
from bot.languages.python.language import Python
from bot.steps.differ import calling, given, pairs, suspecting
from bot.steps.differ.pairs import Pair
from bot.trial import Stage, Version
from bot.wire_calls import Called, Input

PYTHON = Python()
PATH = "shop.py"


def function(text: str, name: str = "f") -> Function:
    return next(f for f in PYTHON.functions(PATH, text) if f.qualname == name)


def change(base: str, head: str, name: str = "f", old: str = "") -> ChangedFunction:
    after = function(head, name)
    return ChangedFunction(
        after, function(base, old or name), tuple(range(after.start_line, after.end_line + 1)), "modified"
    )


def version(base: str, head: str, old: str = "") -> str:
    """Base's version as it stands in head's place."""
    return given.base_version(change(base, head, old=old), PYTHON, (), ()).source


def called(how: str = "returned", **more: object) -> Called:
    known: dict[str, object] = {"digest": str(more), "arguments": "1", "result": "", "source": "(1,)"}
    return Called(how, **{**known, **more})  # type: ignore[arg-type]


# --------------------------------------------------------------------------------------------- base's version


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        ("def f(a):\n    return a\n", "def f(b):\n    return b + 1\n", "def f(a):\n    return a\n"),
        (
            "def f(a):\n    return a\n",
            "@cache\ndef f(a, b=2):\n    return b\n",
            "@cache\ndef f(a, b=2):\n    return a\n",
        ),
        (
            "def f(a: int = 1) -> int:\n    # why\n    return a\n",
            "def f(\n    a: float = 2,\n) -> float:\n    return a * 2\n",
            "def f(\n    a: float = 2,\n) -> float:\n    return a\n",
        ),
        ("def f(a): return a\n", "def f(a, b=1):\n    return b\n", "def f(a): return a\n"),
    ],
)
def test_bases_body_stands_below_heads_def(base: str, head: str, expected: str) -> None:
    assert version(base, head).replace("    # why\n", "") == expected


def test_a_renamed_function_stands_under_its_new_name() -> None:
    base = "def g(n):\n    return n and g(n - 1)\n"
    assert version(base, "def f(n):\n    return 1\n", "g") == "def f(n):\n    return n and f(n - 1)\n"


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ("def f(a, b): pass\n", "def f(b, a): pass\n"),
        ("def f(a, b): pass\n", "def f(a): pass\n"),
        ("def f(a): pass\n", "def f(a, b): pass\n"),
        ("def f(a, *, k=1): pass\n", "def f(a, *, n=1): pass\n"),
        ("def f(a, *rest): pass\n", "def f(a, b=1, *rest): pass\n"),
        ("def f(a): pass\n", "async def f(a): pass\n"),
        ("def f(a): return [a]\n", "def f(a): yield a\n"),
    ],
)
def test_what_is_called_in_another_way_is_not_compared(base: str, head: str) -> None:
    with pytest.raises(given.NotComparable):
        version(base, head)


def test_an_import_that_head_dropped_goes_with_bases_version() -> None:
    both = change("def f(a):\n    return re.sub('a', '', a)\n", "def f(a):\n    return a\n")
    made = given.base_version(both, PYTHON, ("import re", "import os", "import json"), ("import json",))
    assert made.imports == ("import re",)


def test_base_is_asked_where_it_stands_when_what_it_uses_changed_or_is_gone() -> None:
    base = "RATE = 2\n\n\ndef h(a):\n    return a\n\n\ndef f(a):\n    return h(a) * RATE\n"
    same = base.replace("def f(a):\n", "def f(a):\n    a = a\n")
    both = change(base, same)
    assert not given.relies(both, [both], base, same)
    helper = change(base, same.replace("def h(a):\n    return a", "def h(a):\n    return a + 1"), "h")
    assert given.relies(both, [both, helper], base, same)
    assert given.relies(both, [both], base, same.replace("RATE", "TAX"))


# ------------------------------------------------------------------------------------------------------ pairs


@pytest.mark.parametrize(
    ("base", "head", "kind"),
    [
        (called(digest="a"), called(digest="a"), ""),
        (called(digest="a", answer="1"), called(digest="b", answer="2"), "value"),
        (called(digest="a", answer="0.1"), called(digest="b", answer="0.10000000000000001"), ""),
        (called(answer="1"), called(answer="1", changed=True, after="([],)"), "value"),
        (called(), called("raised", raised="KeyError"), "crash"),
        (called(), called("raised", raised="KeyError", explicit=True), "refuses"),
        (called(), called("endless"), "hang"),
        (called("raised", raised="KeyError"), called(), "accepts"),
        (called("raised", raised="KeyError"), called("raised", raised="KeyError"), ""),
        (called("raised", raised="KeyError"), called("raised", raised="TypeError"), "error"),
        (called("raised", raised="NameError"), called(), ""),
        (called("unusable"), called(), ""),
        (called(), called("left"), ""),
        (called("endless"), called("endless"), ""),
    ],
)
def test_how_two_answers_differ(base: Called, head: Called, kind: str) -> None:
    assert Pair(base, head).kind == kind


def test_the_table_shows_a_few_of_each_kind_the_smallest_first_and_none_twice() -> None:
    rows = [
        Pair(called(source=f"({n},)", arguments=str(n), result="0", answer="0"), called(result="1", answer="1"))
        for n in (300, 20, 1, 1, 4000)
    ]
    rows.append(Pair(called(source="([1, 2, 3],)", arguments="[1, 2, 3]"), called("raised", raised="IndexError")))
    table = pairs.table(rows, pairs.Demanded({}, {}))
    assert [(row.arguments, row.kind) for row in table] == [
        ("1", "value"),
        ("20", "value"),
        ("300", "value"),
        ("[1, 2, 3]", "crash"),
    ]
    assert (table[0].base, table[0].head) == ("returns 0", "returns 1")


def test_long_answers_are_shown_where_they_part() -> None:
    one, other = pairs.where_apart(f"'{'a' * 300}b'", f"'{'a' * 300}c'")
    assert one == f"...{'a' * 40}b'" and other == f"...{'a' * 40}c'"


# ------------------------------------------------------------------------------------------------ what counts


@pytest.mark.parametrize(
    ("raised", "result", "expected"),
    [
        ("IndexError", "IndexError: list index out of range", True),
        ("ValueError", "ValueError: max() arg is an empty sequence", True),
        ("ValueError", "ValueError: not enough values to unpack (expected 2, got 1)", True),
        ("ValueError", "ValueError: price must not be negative", False),
        ("BasketError", "BasketError", False),
        ("PermissionError", "PermissionError: [Errno 13]", False),
    ],
)
def test_only_the_interpreters_own_exceptions_are_crashes(raised: str, result: str, expected: bool) -> None:
    assert suspecting.unmeant(called("raised", raised=raised, result=result)) is expected


def test_a_function_is_coupled_to_callers_that_changed_with_it() -> None:
    base = "def f(a):\n    return a\n\n\ndef g(a):\n    return f(a)\n"
    head = "def f(a):\n    return a + 1\n\n\ndef g(a):\n    return f(a) if a else 0\n"
    inner, outer = change(base, head), change(base, head, "g")
    assert suspecting.coupled(inner, [inner, outer])
    assert not suspecting.coupled(outer, [inner, outer])


def subject(text: str) -> suspecting.Subject:
    head = function(text)
    evidence = Evidence(SuiteRun((), (), 0, 0.0), SuiteRun((), (), 0, 0.0))
    parameters = PYTHON.parameters(head)
    return suspecting.Subject(
        function=ChangedFunction(head, None, (), "added"),
        language=PYTHON,
        text=text,
        files=Nothing(),
        evidence=evidence,
        parameters=parameters,
        before=(),
        coupled=False,
        shape=suspecting.Shape.of(parameters, ["(1,)"], generating.Read()),
        from_head=frozenset(),
    )


class Nothing:
    def paths(self) -> list[str]:
        return []

    def read(self, path: str) -> bytes:
        raise KeyError(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("def f(a):\n    return sumarise(a)\n", True),
        ("def f(a):\n    return sumarise(a)\n\n\ndef init():\n    global sumarise\n    sumarise = 1\n", False),
        ("sumarise: object = None\n\n\ndef f(a):\n    return sumarise(a)\n", False),
    ],
)
def test_a_name_that_nobody_binds_is_never_meant(text: str, expected: bool) -> None:
    row = called("raised", raised="NameError", result="NameError: name 'sumarise' is not defined", line=2)
    assert subject(text).undefined(row) is expected


def test_a_name_that_is_not_bound_yet_counts_on_inputs_that_callers_give() -> None:
    text = "def f(a):\n    if a == 1:\n        b = 2\n    return b\n"
    row = called("raised", raised="UnboundLocalError", result="UnboundLocalError: b", line=4)
    assert subject(text).undefined(replace(row, source="(3,)", origin="derived"))
    assert not subject(text).undefined(replace(row, source="('x',)", origin="generated"))


def test_what_a_helper_refuses_in_so_many_words_is_no_crash() -> None:
    text = "def look(key):\n    raise KeyError(key)\n\n\ndef f(a):\n    return look(a)\n"
    row = called("raised", raised="KeyError", result="KeyError: 1", line=6)
    assert subject(text).refused(row)
    assert not subject(text.replace("raise KeyError(key)", "return {}[key]")).refused(row)


# ------------------------------------------------------------------------------------------------ the calls


class Played(Stage):
    """A stage that answers out of two functions of ours."""

    def __init__(self, base: object, head: object) -> None:
        self.answers = {"base": base, "head": head}
        self.asked: list[tuple[str, int]] = []

    def call(self, version, inputs, *, derive=0, seed=0, seconds=3.0, steps=0):  # type: ignore[no-untyped-def]
        assert version is not None
        self.asked.append((version.source, len(inputs)))
        rows = []
        for place, one in enumerate(inputs):
            (value,) = eval(one.source)
            answer = self.answers[version.source](value)
            how = "raised" if isinstance(answer, str) and answer.endswith("Error") else "returned"
            more = (
                {"raised": answer, "line": 2}
                if how == "raised"
                else {"result": repr(answer), "answer": repr(answer)}
            )
            row = called(how, digest=repr(answer), source=one.source, arguments=repr(value), origin=one.origin)
            rows.append(replace(row, place=place, **more))
        return tuple(rows)


def played(base: object, head: object, *values: object) -> calling.Calls:
    inputs = tuple(Input(source=f"({value!r},)", origin="generated") for value in values)
    return calling.Calls(
        Played(base, head), Version("head"), Version("base"), given.Given(inputs, 0, 0, (), frozenset()), 20.0, 1
    )


def test_steady_answers_are_compared() -> None:
    calls = played(lambda n: n, lambda n: n + (n == 3), 1, 2, 3)
    found, heads = calls.paired(calls.made())
    assert [(pair.source, pair.kind) for _, pair in found] == [("(1,)", ""), ("(2,)", ""), ("(3,)", "value")]
    assert len(heads) == 3
    assert [pair.source for _, pair in calls.confirmed([item for item in found if item[1].kind])] == ["(3,)"]


def test_answers_that_depend_on_the_order_are_not() -> None:
    turns = iter(range(100))
    calls = played(lambda n: next(turns), lambda n: 0, 1, 2, 3)
    with pytest.raises(given.NotComparable, match="from run to run"):
        calls.paired(calls.made())


def test_a_difference_that_does_not_come_again_is_dropped() -> None:
    turns = iter([1, 1, 1, 0, 0, 0])
    calls = played(lambda n: 0, lambda n: next(turns), 1, 2, 3)
    found, _ = calls.paired(calls.made())
    assert {pair.kind for _, pair in found} == {"value"}
    assert calls.confirmed(found) == []


@pytest.mark.parametrize(
    ("base", "head", "expected"),
    [
        (called(steps=10), called("endless", steps=200_000), False),
        (called(steps=10), called("endless", steps=900), True),
        (called(steps=50_000), called("endless", steps=60_000), True),
        (called("endless", steps=800), called(steps=700), True),
        (called("endless", steps=200_000), called(steps=7), False),
        (called(steps=10), called(steps=900_000), False),
    ],
)
def test_what_the_clock_cut_is_no_endless_call(base: Called, head: Called, expected: bool) -> None:
    assert calling.slow_alone(base, head) is expected


def test_the_smallest_input_that_differs_alike_comes_first() -> None:
    calls = played(lambda n: 0, lambda n: "IndexError" if len(n) > 1 else 0, [7, 8, 9, 10, 11])
    found, _ = calls.paired(calls.made())
    told, counting = calls.smaller(found, pairs.Demanded({}, {}), subject("def f(a):\n    return a\n"), [None])
    assert told[0].source == "([0, 0],)" and told[0].kind == "crash"
    assert counting == [], "the calls that were seen give numbers"


def test_without_time_nothing_is_called() -> None:
    calls = played(lambda n: 0, lambda n: 1, 1)
    calls.until = 0
    with pytest.raises(given.NotComparable):
        calls.made()

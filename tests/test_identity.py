"""A finding keeps its id while its problem stays, whatever else a push does, and two problems never share one."""

from __future__ import annotations

import ast
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_reviews import FINDING, PROPOSED
from sample_trials import result, run

from bot import identity
from bot.domain import (
    Category,
    ChangedFunction,
    Evidence,
    Finding,
    Frame,
    Function,
    Outcome,
    Probe,
    Suspicion,
    TestResult,
)
from bot.languages.python.language import Python
from bot.steps import prove, witness

HEAD = """\
import math


def share(total, people):
    # how much each pays
    rest = total % people
    return (total - rest) / people, rest


class Cart:
    def sum(self, prices):
        net = sum(prices[1:])  # all of them
        return round(net, 2)

    def sum(self, prices):
        net = sum(prices[1:])
        return net
"""
PATH = "shop/cart.py"


def located(text: str, name: str) -> Function:
    return next(f for f in Python().functions(PATH, text) if f.qualname == name)


def line_with(text: str, mark: str, function: Function) -> int:
    lines = text.split("\n")
    return next(n for n in range(function.start_line, function.end_line + 1) if mark in lines[n - 1])


def by_model(
    text: str,
    mark: str,
    *,
    name: str = "share",
    raised: str = "",
    code: str = "def test_a(): ...",
    other: str = "",
) -> Finding:
    """What a model's witness finds: it points at the line with this mark, and an exception comes out there or at
    the line of `other`."""
    function = located(text, name)
    line = line_with(text, mark, function)
    changed = ChangedFunction(function, None, tuple(range(function.start_line, function.end_line + 1)), "added")
    probe = Probe("test", code, "test_a", "it is wrong", line=line - function.start_line + 1)
    placed = witness.Placed(
        Suspicion("model/correctness", Category.CORRECTNESS, changed, "", (), probe=probe),
        probe,
        f"tests/test_tryline_{identity.digest(code)[:8]}.py",
    )
    at = line_with(text, other or mark, function)
    frames = (Frame(PATH, at, name),) if raised else ()
    seen = TestResult(placed.test, Outcome.FAILED, 0.1, "it fails", raised or "AssertionError", frames)
    return witness.finding_of(witness.Proof(placed, witness.Seen(seen), None), Evidence(run(), run()), 2)


def by_tests(text: str, *tests: str, rule: str = "tests/regression", name: str = "share") -> Finding:
    function = located(text, name)
    changed = ChangedFunction(function, function, (function.end_line,), "modified")
    seen = Evidence(run(*(result(t) for t in tests)), run(*(result(t, Outcome.FAILED) for t in tests)))
    return prove.finding_of(Suspicion(rule, Category.CORRECTNESS, changed, "", tests), tests, seen)


PUSHES = {
    "lines above": HEAD.replace("import math\n", "import math\nimport os\n\nLIMIT = 3\n"),
    "lines above gone": HEAD.replace("import math\n\n\n", ""),
    "a function above": "def first():\n    return 1\n\n\n" + HEAD,
    "a comment above": HEAD.replace("    # how much each pays\n", "    # one\n    # two\n"),
    "a comment gone": HEAD.replace("    # how much each pays\n", ""),
    "a comment behind": HEAD.replace("total % people", "total % people  # nothing is lost"),
    "another comment behind": HEAD.replace("total % people", "total % people  # it's 5% 'more'"),
    "white space": HEAD.replace("rest = total % people", "rest  =  total%people"),
    "line ends": HEAD.replace("\n", "\r\n"),
    "a docstring": HEAD.replace("people):\n", 'people):\n    """Who pays?"""\n'),
    "another parameter": HEAD.replace("(total, people)", "(total, people, tip=0)"),
    "another line of it": HEAD.replace("return (total - rest) / people, rest", "return total // people, rest"),
    "another function": HEAD.replace("round(net, 2)", "net"),
}
ALL = pytest.mark.parametrize("text", PUSHES.values(), ids=PUSHES)


@ALL
@pytest.mark.parametrize("raised", ["", "ZeroDivisionError"])
def test_a_models_finding_keeps_its_id(text: str, raised: str) -> None:
    before = by_model(HEAD, "rest =", raised=raised).id
    mark = "rest =" if "rest =" in text else "rest  ="
    assert by_model(text, mark, raised=raised, code="def test_another_name(): ...").id == before


@ALL
def test_a_finding_of_the_repositorys_tests_keeps_its_id(text: str) -> None:
    assert by_tests(text, "t.py::test_a").id == by_tests(HEAD, "t.py::test_a").id


def test_a_model_may_point_elsewhere_when_running_says_where() -> None:
    one, other = (
        by_model(HEAD, mark, raised="ZeroDivisionError", other="rest =") for mark in ("rest =", "return")
    )
    assert one.start_line != other.start_line
    assert one.id == other.id


def test_different_problems_have_different_ids() -> None:
    found = [
        by_model(HEAD, "rest ="),
        by_model(HEAD, "rest =", raised="ZeroDivisionError"),
        by_model(HEAD, "rest =", raised="TypeError"),
        by_model(HEAD, "return"),
        by_model(HEAD, "net = sum", name="Cart.sum"),
        by_model(HEAD, "net = sum", name="Cart.sum@2"),
        by_model(HEAD.replace("total % people", "total // people"), "rest ="),
        by_tests(HEAD, "t.py::test_a"),
        by_tests(HEAD, "t.py::test_b"),
        by_tests(HEAD, "t.py::test_a[1]"),
        by_tests(HEAD, "t.py::test_a", rule="tests/crash"),
        by_tests(HEAD, "t.py::test_a", name="Cart.sum"),
        by_tests(HEAD, "t.py::test_a", name="Cart.sum@2"),
    ]
    assert len({finding.id for finding in found}) == len(found)


def test_moving_the_lines_that_it_points_at_changes_no_id() -> None:
    for finding in (FINDING, PROPOSED, by_model(HEAD, "rest =")):
        assert replace(finding, start_line=1, end_line=2, title="x", message="y").id == finding.id


def test_the_id_of_results_that_were_saved_before_is_the_same() -> None:
    assert FINDING.id == identity.digest(PATH, "total", "tests/regression", "tests/test_cart.py::test_total")
    assert len(FINDING.id) == 12


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("test_x[2026-01-01 10:11:12]", "test_x[2026-07-31 23:59:01]"),
        ("test_x[2026-01-01T10:11:12.123456+00:00-a]", "test_x[2026-01-02T10:11:13+02:00-a]"),
        ("test_x[10:11]", "test_x[23:59:59.5]"),
        ("test_x[<object at 0x7f3a5c0012d0>]", "test_x[<object at 0x55d0c1>]"),
        ("test_x[8d9f6a2e-3c1b-4f7d-9a55-0123456789ab]", "test_x[00000000-0000-4000-8000-000000000000]"),
        ("test_x[1767262272.53]", "test_x[1767300000]"),
        ("test_x[1767262272123]", "test_x[1767262299999]"),
        ("test_x[/tmp/pytest-of-me/pytest-3/a0]", "test_x[/tmp/pytest-of-ci/pytest-12/a0]"),
        ("test_x[/tmp/pytest-of-me/pytest-3/popen-gw1/a0]", "test_x[/tmp/pytest-of-me/pytest-3/a0]"),
    ],
)
def test_what_varies_in_a_tests_id_does_not_count(one: str, other: str) -> None:
    assert identity.test(f"t.py::{one}") == identity.test(f"t.py::{other}")
    assert by_tests(HEAD, f"t.py::{one}").id == by_tests(HEAD, f"t.py::{other}").id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("test_x[1]", "test_x[2]"),
        ("test_x[0x1]", "test_x[0x2]"),
        ("test_x[0xff]", "test_x[0xfe]"),
        ("test_x[1234567890.5-a]", "test_x[1234567890.5-b]"),
        ("test_x[999999999]", "test_x[999999998]"),
        ("test_2026-01-01", "test_2026-01-02"),
        ("test_x[abc]", "test_x[abd]"),
    ],
)
def test_what_is_fixed_in_a_tests_id_counts(one: str, other: str) -> None:
    assert identity.test(f"t.py::{one}") != identity.test(f"t.py::{other}")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 'a  # b'", "x = 'a # b'"),
        ("x = 'a'", 'x = "a"'),
        ("return x", "returnx"),
        ("x = 'it''s'", "x = 'its'"),
        ('x = "#1"', 'x = "#2"'),
        ("a - b", "a + b"),
    ],
)
def test_code_that_says_something_else_stays_different(one: str, other: str) -> None:
    assert identity.code(one) != identity.code(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = a+b", "  x  =  a + b  # sum"),
        ("x = 'a # b'  # c", "x='a # b'"),
        ("f(a,\n  b)", "f(a, b)"),
        ("x = 1 \\\n  + 2", "x = 1 + 2"),
        ("x = 1\r\n", "x = 1\n"),
        ("# nothing", ""),
    ],
)
def test_code_that_says_the_same_is_equal(one: str, other: str) -> None:
    assert identity.code(one) == identity.code(other)


EXPRESSIONS = st.recursive(
    st.one_of(
        st.integers(0, 99).map(str), st.sampled_from(["a", "b", "c"]), st.text("ab #'\"\\", max_size=5).map(repr)
    ),
    lambda inner: st.tuples(inner, st.sampled_from(["+", "and", "in", "<", "is not"]), inner).map(" ".join),
    max_leaves=6,
)


@given(EXPRESSIONS, EXPRESSIONS)
def test_code_is_equal_only_for_the_same_tokens(one: str, other: str) -> None:
    same = ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    assert (identity.code(one) == identity.code(other)) == (same and one == other)
    spread = one.replace(" + ", "   +\t").replace(" and ", "  and  ") + "  # 'comment\""
    if "'" not in one and '"' not in one:
        assert identity.code(spread) == identity.code(one)


@given(st.text())
def test_any_text_has_a_form(text: str) -> None:
    assert identity.code(identity.code(text)) is not None
    assert identity.test(identity.test(text)) == identity.test(text)

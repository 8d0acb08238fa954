"""Answers of calls and measurements: what has the shape is read, what has not is nothing, and nothing crashes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import wire, wire_calls
from bot.domain import Unit
from bot.wire_calls import Input, Timing

ROW: dict[str, Any] = {
    "place": 0,
    "how": "returned",
    "digest": "abc",
    "arguments": "1",
    "result": "2",
    "source": "(1,)",
    "answer": "2",
    "needs": ["import shop"],
    "steps": 3,
    "origin": "derived",
}


def called(**more: Any) -> wire_calls.Called:
    reply = {"status": "ran", "complete": True, "rows": [{**ROW, **more}]}
    return wire_calls.read_calls(reply, 0).rows[0]


def test_a_row_is_read() -> None:
    done = called(explicit=True, raised="KeyError", line=7, after="(2,)", changed=True)
    assert (done.how, done.digest, done.result, done.source, done.answer) == ("returned", "abc", "2", "(1,)", "2")
    assert (done.needs, done.steps, done.origin, done.line) == (("import shop",), 3, "derived", 7)
    assert done.explicit and done.changed and done.after == "(2,)" and done.raised == "KeyError"


@pytest.mark.parametrize(
    "source",
    [
        "(1",
        "import os",
        "a = 1",
        "(1,)\nimport os",
        "'" + "a" * 5000 + "'",
        "'\u202e'",
        "'\x1b[31m'",
        "(" * 3000 + ")" * 3000,
        "\x00",
        7,
        None,
        ["1"],
    ],
)
def test_what_is_no_clean_expression_is_no_source(source: object) -> None:
    done = called(source=source, answer=source)
    assert done.source == done.answer == ""
    assert done.how == "returned"


@pytest.mark.parametrize(
    "needs",
    [
        ["print(1)"],
        ["import os; print(1)"],
        ["import os\nprint(1)"],
        ["def made(kind, /, **state):\n    return 1"],
        ["import os"] * 17,
        ["import \u202eos"],
        "import os",
        {"import os": 1},
        [["import os"]],
        None,
    ],
)
def test_needs_are_imports_or_there_is_no_source(needs: object) -> None:
    done = called(needs=needs)
    assert (done.source, done.answer, done.needs) == ("", "", ())


def test_the_helper_for_attributes_is_known() -> None:
    assert called(needs=["from a.b import c", wire.MADE]).needs == ("from a.b import c", wire.MADE)


def test_unknown_words_are_unusable_and_texts_are_cleaned() -> None:
    done = called(how="fine", result="\x1b[31m<object at 0x7f0000000000>", raised=["x"], line=-5, explicit="yes")
    assert done.how == "unusable" and done.result == "[31m<object at 0x...>"
    assert (done.raised, done.line, done.explicit) == ("", 0, False)


def rows(*given: object, **more: Any) -> wire_calls.Batch:
    return wire_calls.read_calls({"status": "ran", "complete": True, "rows": list(given), **more}, 0)


def test_rows_stand_in_order_without_gaps() -> None:
    begun = {**ROW, "begun": True}
    batch = rows(
        begun, {"place": 0, "how": "raised"}, {"place": 5, "how": "returned"}, {"place": 1, "how": "left"}
    )
    assert [(row.place, row.how) for row in batch.rows] == [(0, "raised"), (1, "left")]
    assert batch.rows[0].source == "(1,)" and batch.rows[1].source == ""


@pytest.mark.parametrize(
    ("end", "how"),
    [
        ({"killed": True}, "endless"),
        ({"signal": 9}, "endless"),
        ({"signal": 24}, "endless"),
        ({"exit": 86}, "endless"),
        ({"signal": 11}, "left"),
        ({"exit": 3}, "left"),
        ({"exit": "x", "signal": [1]}, "left"),
    ],
)
def test_the_call_that_ended_its_process_is_told(end: dict[str, Any], how: str) -> None:
    begun = {**ROW, "begun": True}
    batch = wire_calls.read_calls({"rows": [begun, {**ROW, "how": "returned"}, {**begun, "place": 1}], **end}, 0)
    assert [row.how for row in batch.rows] == ["returned", how]
    assert batch.usable and not batch.complete and batch.rows[1].source == "(1,)"


def test_a_call_that_is_cut_by_a_timer_or_by_death_has_one_digest() -> None:
    batch = wire_calls.read_calls({"rows": [{**ROW, "begun": True}], "killed": True}, 0)
    assert batch.rows[0].digest == wire.digest("endless||")


@pytest.mark.parametrize("reply", [{"error": "gone"}, {"status": "syntax"}, {"status": "unswappable"}])
def test_what_cannot_be_called_is_said(reply: dict[str, Any]) -> None:
    assert not wire_calls.read_calls(reply, 0).usable
    assert wire_calls.read_timings(reply, 1, 1) is None


TIMES: dict[str, Any] = {
    "input": 0,
    "scale": 2,
    "size": 10,
    "arguments": "[1]",
    "seconds": [[0.1, 0.2], [0.3, 0.4]],
    "digests": ["a", "b"],
    "how": ["returned", "raised"],
}
SPENT = {"input": 0, "scale": 2, "memory_kb": [1, 2], "events": [{}, {"sql": 3, "other": 4}]}


def timings(*given: object) -> tuple[Timing, ...] | None:
    return wire_calls.read_timings({"status": "ran", "rows": list(given)}, 2, 1)


def test_times_are_read() -> None:
    assert timings(TIMES, SPENT) == (
        Timing(
            0, 2, 10, "[1]", ((0.1, 0.2), (0.3, 0.4)), ("a", "b"), ("returned", "raised"), (1, 2), ({}, {"sql": 3})
        ),
    )


def test_a_version_that_was_cut_has_no_times() -> None:
    found = timings({**TIMES, "seconds": [[0.1], []], "how": ["returned", "endless"]})
    assert found is not None and found[0].seconds == ((0.1,), ())


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": [[0.1, 0.2]]},
        {"seconds": [[0.1, 0.2], [0.3]]},
        {"seconds": [[0.1, 0.2], [0.3, 0]]},
        {"seconds": [[0.1, 0.2], [0.3, "x"]]},
        {"seconds": [[0.1, 0.2], [0.3, float("nan")]]},
        {"seconds": [[0.1, 0.2], [0.3, float("inf")]]},
        {"seconds": [[0.1, 0.2], [0.3, -1]]},
        {"seconds": "ab"},
        {"digests": ["a"]},
        {"digests": None},
        {"how": ["returned", "fine"]},
        {"how": "ab"},
        {"input": 1},
        {"scale": 0},
        {"scale": "2"},
    ],
)
def test_times_that_do_not_fit_together_are_none(change: dict[str, Any]) -> None:
    assert timings({**TIMES, **change}) == ()


@pytest.mark.parametrize(
    "change", [{"memory_kb": [1]}, {"memory_kb": "ab", "events": [{}]}, {"events": [1, 2], "memory_kb": None}]
)
def test_resources_that_do_not_fit_are_left_out(change: dict[str, Any]) -> None:
    found = timings(TIMES, {**SPENT, **change})
    assert found is not None
    assert found[0].memory_kb == () or found[0].events == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("returned"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ROW, *TIMES, *SPENT]), inner),
    max_leaves=12,
)


@pytest.mark.thorough
@given(st.dictionaries(st.sampled_from(["status", "rows", "complete", "signal", "exit", "killed", "error"]), JSON))
@settings(max_examples=200, deadline=None)
def test_no_answer_is_a_crash(reply: dict[str, Any]) -> None:
    assert isinstance(wire_calls.read_calls(reply, 0), wire_calls.Batch)
    found = wire_calls.read_timings(reply, 2, 3)
    assert found is None or all(isinstance(timing, Timing) for timing in found)


@pytest.mark.thorough
@given(st.dictionaries(st.sampled_from([*ROW, *TIMES, *SPENT]), JSON))
@settings(max_examples=200, deadline=None)
def test_no_row_is_a_crash(row: dict[str, Any]) -> None:
    assert isinstance(rows({**row, "place": 0}), wire_calls.Batch)
    assert timings({**TIMES, **row}) is not None


def test_messages_carry_what_the_fork_server_needs() -> None:
    unit = Unit("shop.py", 1, "f", (), "", parameters=(("x", "p"),))
    given = [Input(source="(1,)", needs=("import a",), origin="generated")]
    assert wire_calls.call_message(unit, None, ["import b"], given, seed=1) == {
        "kind": "call",
        "source": None,
        "imports": ["import b"],
        "inputs": [{"pickled": "", "source": "(1,)", "needs": ["import a"], "origin": "generated"}],
        "parameters": [["x", "p"]],
        "seed": 1,
    }
    made = wire_calls.measure_message(unit, [(None, ()), ("def f(x): pass\n", ["import c"])], given, scales=[1])
    assert made["versions"] == [
        {"source": None, "imports": []},
        {"source": "def f(x): pass\n", "imports": ["import c"]},
    ]


def test_recorded_calls_carry_their_source() -> None:
    row = {"function": "shop.py::f", "source": "(1,)", "answer": "2", "needs": ["import shop"], "raised": ""}
    ((name, call),) = wire.calls("t", [row])
    assert (name, call.source, call.answer, call.needs) == ("shop.py::f", "(1,)", "2", ("import shop",))
    ((_, bad),) = wire.calls("t", [{**row, "needs": ["exec('x')"]}])
    assert (bad.source, bad.answer, bad.needs) == ("", "", ())
    ((_, old),) = wire.calls("t", [{"function": "shop.py::f"}])
    assert (old.source, old.needs) == ("", ())

"""What comes out of a container is a stranger's text: any shape is read, only an honest one counts as a run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import wire
from bot.domain import Outcome, Unit

Json = dict[str, Any]

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
WORDS = """
    event id ids outcome code stop seconds output events error status rows pairs trace exit signal killed message
    frames lines calls exception outcomes memory_kb cpu steps function digest pickled
"""
KEYS = st.sampled_from(WORDS.split())
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=6),
    max_leaves=24,
)
REPLY = st.dictionaries(KEYS, ANYTHING, max_size=8)


def deep(levels: int = 900) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


def lines(*events: Json) -> list[str]:
    return [json.dumps(event) for event in events]


def started(test: str) -> Json:
    return {"event": "start", "id": test}


def ended(test: str, outcome: Any = "passed", **more: Any) -> Json:
    return {"event": "end", "id": test, "outcome": outcome, "seconds": 0.1, **more}


COLLECTED = {"event": "collected", "ids": ["t.py::a", "t.py::b"]}
FINISH = {"event": "finish", "code": 0}


def honest(*events: Json, **more: Any) -> Json:
    told = events or (COLLECTED, ended("t.py::a"), ended("t.py::b"), FINISH)
    return {"code": 0, "stop": "", "seconds": 1.0, "output": "", "events": lines(*told), **more}


def test_an_honest_run() -> None:
    call = {"function": "m.py::f", "arguments": "n=1", "result": "2", "raised": "", "digest": "d", "outcome": "o"}
    run, unfinished = wire.read_run(
        honest(
            COLLECTED,
            started("t.py::a"),
            ended("t.py::a", lines={"m.py": [1, 2]}, calls=[call]),
            started("t.py::b"),
            ended("t.py::b", "failed", message="boom", exception="E", frames=[["t.py", 3, "test_b"]]),
            {"event": "finish", "code": 1},
            code=1,
        )
    )
    assert (run.problem, unfinished, run.exit_code) == (None, "", 1)
    assert run.collected == ("t.py::a", "t.py::b")
    assert [(test.id, test.outcome) for test in run.tests] == [
        ("t.py::a", Outcome.PASSED),
        ("t.py::b", Outcome.FAILED),
    ]
    assert (run.tests[1].message, run.tests[1].exception) == ("boom", "E")
    assert run.tests[1].frames[0].line == 3
    assert run.covered["t.py::a"] == {"m.py": (1, 2)}
    assert [(call.test, call.arguments, call.result) for call in run.calls["m.py::f"]] == [("t.py::a", "n=1", "2")]


@pytest.mark.parametrize(
    ("slug", "reply"),
    [
        ("timeout", honest(stop="timeout")),
        ("output-flood", honest(stop="output-flood")),
        ("stopped", honest(stop="another reason")),
        ("stopped", honest(stop=["timeout"])),
        ("killed", honest(code=-9)),
        ("no-report", honest(code=None)),
        ("no-report", honest(code=True)),
        ("no-report", honest(code=0.0)),
        ("no-report", honest(code=[0])),
        ("no-report", honest(code=10**400)),
        ("no-report", honest(events=[])),
        ("no-report", honest(events={"0": json.dumps(FINISH)})),
        ("no-report", honest(COLLECTED, ended("t.py::a"), ended("t.py::b"))),
        ("no-report", honest(COLLECTED, {"event": ["finish"], "code": 0})),
        ("no-report", honest(COLLECTED, {"event": "exit", "code": 0})),
        ("no-report", {}),
        ("disagreement", honest(COLLECTED, ended("t.py::a"), ended("t.py::b"), {"event": "finish", "code": 1})),
        ("disagreement", honest(COLLECTED, ended("t.py::a"), ended("t.py::b"), {"event": "finish"})),
        ("disagreement", honest(COLLECTED, ended("t.py::a"), ended("t.py::b"), {"event": "finish", "code": "0"})),
        ("disagreement", honest(COLLECTED, ended("t.py::a"), ended("t.py::b"), FINISH, code=1)),
        ("incomplete", honest(COLLECTED, ended("t.py::a"), FINISH)),
        ("incomplete", honest(COLLECTED, ended("t.py::a"), started("t.py::b"), FINISH)),
        ("no-tests", honest({"event": "collected", "ids": []}, {"event": "finish", "code": 5}, code=5)),
        ("no-tests", honest({"event": "collected", "ids": "t.py::a"}, FINISH)),
        ("collection", honest(FINISH)),
        ("runner", honest(COLLECTED, {"event": "finish", "code": 3}, code=3)),
        ("sandbox", honest(error="OSError: no space")),
        ("sandbox", honest(error=None)),
    ],
)
def test_what_is_not_a_whole_run_is_a_problem(slug: str, reply: Json) -> None:
    run, _ = wire.read_run(reply)
    assert run.problem is not None
    assert run.problem.slug == slug
    assert run.problem.message


@pytest.mark.parametrize("word", ["PASSED", "ok", "", None, 1, True, ["passed"], {"passed": 1}, "passed "])
def test_an_unknown_outcome_is_a_crash(word: object) -> None:
    run, _ = wire.read_run(honest(COLLECTED, ended("t.py::a", word), ended("t.py::b"), FINISH))
    assert run.tests[0].outcome is Outcome.CRASHED
    assert wire.outcome(word) is Outcome.CRASHED


def test_a_test_that_began_and_did_not_end_is_named() -> None:
    run, unfinished = wire.read_run(
        honest(COLLECTED, started("t.py::a"), ended("t.py::a"), started("t.py::b"), code=0)
    )
    assert unfinished == "t.py::b"
    assert run.problem is not None


def test_a_file_that_cannot_be_collected_is_an_error_of_its_own() -> None:
    failed = {"event": "collect-error", "id": "t.py", "message": "x" * 9000, "frames": [["m.py", 2, "<module>"]]}
    run, _ = wire.read_run(
        honest(failed, {"event": "collected", "ids": []}, {"event": "finish", "code": 2}, code=2)
    )
    assert run.problem is None and run.exit_code == 2
    assert [(test.id, test.outcome, test.frames[0].path) for test in run.tests] == [
        ("t.py", Outcome.ERROR, "m.py")
    ]
    assert len(run.tests[0].message) <= 1500


def test_lines_that_are_no_json_objects_are_left_out() -> None:
    told = ["{", "[1]", "null", '"x"', "\x00", "[" * 100_000, "{" + '"a":' * 50_000, 7, None, json.dumps(FINISH)]
    assert wire.parse_lines(told) == [FINISH]
    assert wire.parse_lines([json.dumps({"a": "x" * (9 << 20)})]) == []
    assert wire.parse_lines(['{"event": 1' + "0" * 5000 + "}"]) == []


TERMINAL = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\u202egpj.exe\u200b\x7f\ud800ok\n\tend"


def test_text_cannot_steer_a_terminal_and_can_be_written() -> None:
    text = wire.clean(TERMINAL)
    assert text == "[2J]0;owned31mgpj.exeok\n\tend"
    text.encode()
    event = ended(TERMINAL, "failed", message=TERMINAL, exception=TERMINAL, frames=[[TERMINAL, 1, TERMINAL]])
    run, _ = wire.read_run(honest({"event": "collected", "ids": [TERMINAL]}, event, output=TERMINAL, code=1))
    shown = repr(run)
    assert "\\x1b" not in shown and "\\u202e" not in shown and "\\ud800" not in shown
    assert run.tests[0].id == run.collected[0]


def test_text_is_clipped_and_keeps_both_ends() -> None:
    for size in (16, 80, 2000):
        text = wire.clean("a" * 5000 + "z", size)
        assert len(text) <= size and text[0] == "a" and text[-1] == "z"
    assert wire.clean("short") == "short"
    assert wire.clean(None) == wire.clean({"a": 1}) == wire.clean(deep()) == wire.clean(10**5000) == ""
    assert wire.clean(1.5) == "1.5"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1, -0.5, 10**400, True, "1", None, [1], {}])
def test_what_is_no_number_counts_as_zero(value: object) -> None:
    assert wire.number(value) == 0.0


def test_memory_addresses_are_taken_out_of_what_is_said() -> None:
    assert wire.said("<A object at 0x7f12abcd>") == wire.said("<A object at 0x7f99abcd>") == "<A object at 0x...>"
    assert wire.said(deep()) == ""


@given(REPLY)
@settings(max_examples=50, deadline=None)
def test_no_reply_makes_a_reader_fail_or_pass(reply: Json) -> None:
    run, unfinished = wire.read_run(reply)
    assert run.problem is not None, "an arbitrary object is not a whole run"
    assert isinstance(unfinished, str)
    trial = wire.read_trial(reply)
    if trial.status == "ran":
        assert reply["status"] == "ran" and not reply.get("exit") and not reply.get("signal")
    replayed = wire.read_replay(reply)
    assert replayed is None or reply["status"] == "ran"
    json.dumps([repr(run), repr(trial), repr(replayed)]).encode()


@given(st.lists(st.dictionaries(KEYS, ANYTHING, max_size=6), max_size=4), st.sampled_from((0, 1, 2, 5)))
@settings(max_examples=50, deadline=None)
def test_no_event_makes_the_reader_fail(events: list[Json], code: int) -> None:
    told = honest(COLLECTED, *events, {"event": "finish", "code": code}, code=code)
    run, _ = wire.read_run(told)
    if run.problem is None and code == 0:
        assert {"t.py::a", "t.py::b"} <= {test.id for test in run.tests}


@pytest.mark.thorough
@given(st.lists(st.lists(ANYTHING, min_size=6, max_size=9) | ANYTHING, max_size=4), ANYTHING, ANYTHING)
@settings(max_examples=50, deadline=None)
def test_no_row_of_a_trial_makes_the_reader_fail(rows: list[Any], pairs: Any, trace: Any) -> None:
    reply = {
        "status": "ran",
        "exit": 0,
        "signal": 0,
        "rows": rows,
        "pairs": pairs,
        "trace": trace,
        "outcomes": rows,
    }
    trial = wire.read_trial(reply)
    assert trial.status == "ran"
    assert len(trial.rows) == sum(isinstance(row, list) and len(row) == 8 for row in rows)
    for row in trial.rows:
        assert row.seconds >= 0 and row.steps >= 0 and row.line >= 0
    wire.read_replay(reply)


def test_deep_nesting_anywhere_is_survived() -> None:
    for key in (
        "stop",
        "code",
        "output",
        "error",
        "status",
        "exit",
        "signal",
        "rows",
        "pairs",
        "trace",
        "message",
    ):
        reply = honest(**{key: deep()})
        wire.read_run(reply)
        wire.read_trial(reply)
        wire.read_replay({**reply, "status": "ran", "outcomes": [[deep(), deep(), deep()]]})
    for key in ("id", "outcome", "seconds", "message", "exception", "frames", "lines", "calls"):
        wire.read_events([{"event": "end", key: deep()}])
    call = dict.fromkeys(("function", "arguments", "result", "raised", "digest", "pickled", "outcome"), deep())
    reading = wire.read_events([ended("t", calls=[call])])
    assert reading.calls[""][0].pickled == ""


def test_an_honest_trial() -> None:
    row = ["t.py::a", "failed", "boom", "E", 3, 0.1, 17, 9]
    trial = wire.read_trial(
        {
            "status": "ran",
            "rows": [row],
            "steps": 17,
            "pairs": [["a", "b"]],
            "trace": [[3, [["n", "int", "1"]]]],
            "exit": 0,
            "signal": 0,
            "killed": False,
            "memory_kb": 9,
            "cpu": 0.5,
        }
    )
    assert trial.status == "ran" and trial.pairs == (("a", "b"),)
    assert trial.trace == ((3, (("n", "int", "1"),)),)
    assert (trial.rows[0].outcome, trial.rows[0].line, trial.rows[0].steps) == (Outcome.FAILED, 3, 17)


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        ("crashed", {}),
        ("crashed", {"status": "ran", "exit": 1}),
        ("crashed", {"status": "ran", "signal": 11}),
        ("crashed", {"status": "passed"}),
        ("crashed", {"status": ["ran"]}),
        ("killed", {"status": "ran", "exit": 86}),
        ("killed", {"status": "ran", "signal": 9}),
        ("killed", {"status": "ran", "signal": 24}),
        ("killed", {"status": "ran", "killed": True}),
        ("lost", {"status": "ran", "error": ""}),
        ("syntax", {"status": "syntax", "exit": 0}),
        ("unswappable", {"status": "unswappable", "exit": 0}),
    ],
)
def test_how_a_trial_ended(status: str, reply: Json) -> None:
    assert wire.read_trial(reply).status == status


def test_only_a_child_that_ended_by_itself_replayed() -> None:
    row = ["returned", "d", "1 -> 2"]
    assert wire.read_replay({"status": "ran", "outcomes": [row, ["x"], 3]}) == (wire.Replayed(*row),)
    for more in ({"exit": 1}, {"signal": 9}, {"status": "crashed"}):
        assert wire.read_replay({"status": "ran", "outcomes": [row], **more}) is None


def test_jobs_are_json_and_name_what_to_watch() -> None:
    job = wire.SuiteJob(
        args=("-q",),
        seconds=9,
        select=("t.py::a",),
        watch=(wire.Watch("m.py::f", "m.py", 3, "f"), wire.Watch("m.py::g", "m.py", 7, "g")),
        replace={"m.py": "x = 1\n"},
        test_seconds=2,
        test_limits={"t.py::a": 20},
        env={"A": "1"},
    )
    told = json.loads(json.dumps(wire.run_job(job)))
    assert told["spec"]["targets"] == {
        "m.py": [{"line": 3, "name": "f", "id": "m.py::f"}, {"line": 7, "name": "g", "id": "m.py::g"}]
    }
    assert told["spec"]["select"] == ["t.py::a"] and told["spec"]["replace"] == {"m.py": "x = 1\n"}
    assert (told["seconds"], told["quiet"], told["env"]) == (9, 60, {"A": "1"})
    assert wire.run_job(wire.SuiteJob(args=(), seconds=9))["quiet"] == 9
    assert wire.warm_job(job, 3)["spec"]["width"] == 3
    unit = Unit("m.py", 3, "f", ("A",), "def f(): pass\n", (("g", 1),))
    assert json.loads(json.dumps(wire.arm_message(unit)))["unit"]["target_path"] == [["g", 1]]

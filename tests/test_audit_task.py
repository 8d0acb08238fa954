"""A task of an audit as bytes: nothing is lost on the way, no secret is in it, and no part hears of another's."""

from __future__ import annotations

from dataclasses import replace

from bot import audit_task
from bot.audit_task import Part, Shared, evidence_of, part_bytes, read_part, read_shared, shared_bytes
from bot.config import Given, load
from bot.domain import Call, Evidence, Frame, Outcome, Revision, SuiteRun, TestResult
from bot.settings import EndpointSettings

RED = TestResult("t.py::b", Outcome.FAILED, 0.5, "assert", "AssertionError", (Frame("a.py", 3, "f"),))
OTHER = TestResult("t.py::c", Outcome.CRASHED, 0.5, "died", "", (Frame("a.py", 9, "g"),))
TESTS = (TestResult("t.py::a", Outcome.PASSED, 0.25), RED, OTHER)
CALL = Call("t.py::a", "1", "2", "", "d", "p", "o", "(1,)", "2", ("import os",))
RUN = SuiteRun(
    tuple(test.id for test in TESTS),
    TESTS,
    1,
    2.0,
    {"t.py::a": {"a.py": (3, 4), "b.py": (1,)}, "t.py::b": {"a.py": (3,)}, "t.py::c": {"a.py": (9,)}},
    {"a.py::f": (CALL,)},
)
EVIDENCE = Evidence(audit_task.NOTHING, RUN, frozenset(), frozenset({RED.id, OTHER.id}), repeats=3)
PART = Part(("a.py::f",), "a.py", {"t.py::a": (3, 4), "t.py::b": (3,)}, {"a.py::f": (CALL,)}, (RED,), 12.5)


def test_evidence_comes_back_as_it_was() -> None:
    assert audit_task.read_evidence(audit_task.evidence_json(EVIDENCE)) == EVIDENCE


def test_a_part_comes_back_as_it_was() -> None:
    assert read_part(part_bytes(PART)) == PART


def test_what_all_share_holds_no_address_and_no_key() -> None:
    flags = {"endpoint.url": Given("http://model.internal:8000/v1", "test"), "search.seed": Given(7, "test")}
    config = load(None, environ={"OPENAI_API_KEY": "sk-secret"}, flags=flags)
    shared = Shared(Revision("HEAD", "a" * 40, "b" * 40), config, EVIDENCE, True, b"the tree")
    read = read_shared(shared_bytes(shared))
    assert (read.revision, read.model, read.tree) == (shared.revision, True, b"the tree")
    assert read.config.search.seed == 7
    assert read.config.endpoint == EndpointSettings()
    assert read.evidence == replace(EVIDENCE, head=replace(RUN, calls={}))
    again = shared_bytes(read)
    assert audit_task._unpacked(again[8 : len(again) - len(b"the tree")])["config"]["endpoint"]["url"] is None


def test_a_part_sees_its_own_file_and_the_failures_that_are_its_own() -> None:
    seen = evidence_of(replace(EVIDENCE, head=replace(RUN, calls={})), PART)
    assert seen.head.covered == {"t.py::a": {"a.py": (3, 4)}, "t.py::b": {"a.py": (3,)}, "t.py::c": {}}
    assert [(test.id, test.outcome, len(test.frames)) for test in seen.head.tests] == [
        ("t.py::a", Outcome.PASSED, 0),
        ("t.py::b", Outcome.FAILED, 1),
        ("t.py::c", Outcome.CRASHED, 0),
    ]
    assert seen.head.calls == PART.calls
    others = evidence_of(EVIDENCE, replace(PART, blamed=()))
    assert others.head.covered["t.py::b"] == {}, "another part's failure has no place here"

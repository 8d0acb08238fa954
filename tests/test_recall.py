"""What a memory spares a review: held against the functions as they are, and trusted in nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_trials import HEAD_TEXT, NEW_SOURCE, changed, finding, function

from bot.domain import ChangedFunction, Probe
from bot.examine import candidate_of
from bot.languages.python.language import Python
from bot.plan import Known, Memory, function_digest
from bot.recall import Recall
from bot.steps import ask, verify
from bot.trial import Place

SOURCE = (
    "def total(prices):\n    result = 0\n    for price in prices:\n        result -= price\n    return result\n"
)
BASE = function(source=SOURCE.replace("-=", "+="))
TOTAL = ChangedFunction(function(source=SOURCE), BASE, (7,), "modified")
CODE = "from shop.cart import total\n\n\ndef test_it():\n    assert total([1]) == 1\n"
PROBE = Probe("call", CODE, "test_it", "It is wrong.", line=4, source="wise-1")
SAID = Known("a" * 12, TOTAL.id, "model/correctness", "t", NEW_SOURCE, proposer="edits", probe=PROBE)


def memory(*findings: Known, digest: str = "", **more: Any) -> Memory:
    return Memory("c" * 40, {TOTAL.id: digest or function_digest(TOTAL)}, findings, **more)


@given(st.integers(0, 500), st.sampled_from(["head", "base"]), st.text(max_size=5))
def test_a_function_is_the_same_wherever_it_moves_and_no_more_when_it_is_written_otherwise(
    by: int, side: str, more: str
) -> None:
    def moved(where: Any) -> Any:
        return replace(where, start_line=where.start_line + by, end_line=where.end_line + by)

    assert function_digest(replace(TOTAL, head=moved(TOTAL.head), base=moved(BASE))) == function_digest(TOTAL)
    written = replace(getattr(TOTAL, side), source=getattr(TOTAL, side).source + more)
    assert (function_digest(replace(TOTAL, **{side: written})) == function_digest(TOTAL)) == (more == "")
    assert function_digest(replace(TOTAL, base=None)) != function_digest(
        replace(TOTAL, base=replace(BASE, source=""))
    )


def test_what_is_unchanged_is_spared_and_what_a_memory_lost_is_not() -> None:
    assert Recall.of(memory(), (TOTAL,)).unchanged == {TOTAL.id}
    assert Recall.of(memory(digest="0" * 16), (TOTAL,)).unchanged == frozenset()
    assert Recall.of(memory(), (replace(TOTAL, base=None),)).unchanged == frozenset()
    assert Recall.of(memory(), (TOTAL,), everything=True).unchanged == frozenset()
    assert Recall.of(None, (TOTAL,)) == Recall()
    # Its witness is all that a model's finding lives on.
    assert Recall.of(memory(SAID), (TOTAL,)).unchanged == {TOTAL.id}
    assert Recall.of(memory(replace(SAID, probe=None)), (TOTAL,)).unchanged == frozenset()


def test_the_model_has_had_its_say_where_no_test_showed_a_problem_instead() -> None:
    assert Recall.of(memory(SAID), (TOTAL,)).asked(TOTAL)
    assert not Recall.of(memory(replace(SAID, rule="tests/regression")), (TOTAL,)).asked(TOTAL)
    assert not Recall.of(memory(digest="0" * 16), (TOTAL,)).asked(TOTAL)


def test_a_finding_is_known_by_its_id_in_what_is_unchanged() -> None:
    told = replace(finding(), function=TOTAL)
    known = replace(SAID, id=told.id)
    assert Recall.of(memory(known), (TOTAL,)).known(told) == known
    assert Recall.of(memory(known), (TOTAL,), everything=True).known(told) is None
    assert Recall.of(memory(SAID), (TOTAL,)).known(told) is None


def test_who_ignores_a_finding_is_said_in_clean_words() -> None:
    told = finding()
    names = {"ada": "ada", "\x1b[2J": "[2J", "\x00": "somebody", "": "somebody"}
    for name, said in names.items():
        assert Recall.of(memory(ignored={told.id: name}), ()).ignored_by(told) == said
    assert Recall.of(memory(ignored={"b" * 12: "ada"}), ()).ignored_by(told) == ""
    assert len(Recall.of(memory(ignored={told.id: "a" * 900}), ()).ignored_by(told)) <= 60


@pytest.mark.parametrize(
    ("head", "said"), [("c" * 40, "ccccccc"), ("", "the last review"), ("@all", "the last review")]
)
def test_since_when_is_a_commit_or_words_of_ours(head: str, said: str) -> None:
    assert Recall(Memory(head)).since == said


def test_witnesses_are_run_again_in_what_changed_too_unless_they_have_become_tests() -> None:
    moved = replace(TOTAL, head=function(start=104, end=108, source=SOURCE + "# new\n"))
    (suspicion,) = Recall.of(memory(SAID), (moved,)).suspicions((moved,), {}, 3)
    assert (suspicion.rule, suspicion.function, suspicion.probe) == (SAID.rule, moved, PROBE)
    assert suspicion.suspicious_lines == {107: 1.0}
    recall = Recall.of(memory(*(replace(SAID, id=f"{n:012x}") for n in range(9))), (TOTAL,))
    assert len(recall.suspicions((TOTAL,), {}, 3)) == 3
    assert recall.suspicions((TOTAL,), {TOTAL.id: frozenset({CODE.strip()})}, 3) == ()
    assert recall.suspicions((), {}, 3) == (), "the function is not part of the change any more"


@pytest.mark.parametrize(
    "more",
    [
        {"rule": "model/"},
        {"rule": "model/@all"},
        {"rule": "tests/regression"},
        {"rule": "correctness"},
        {"function": "shop/cart.py::other"},
        {"probe": None},
        {"probe": replace(PROBE, kind="shell")},
        {"probe": replace(PROBE, code="x" * 13_000)},
        {"probe": replace(PROBE, code="\0")},
        {"probe": replace(PROBE, fixed="\ud800")},
        {"probe": replace(PROBE, raises="a b")},
        {"probe": replace(PROBE, imports=("import os",) * 51)},
        {"probe": replace(PROBE, imports=("import os\0",))},
    ],
)
def test_what_no_answer_may_be_no_memory_may_be(more: Mapping[str, Any]) -> None:
    assert ask.remembered(SAID, TOTAL) is not None
    assert ask.remembered(replace(SAID, **more), TOTAL) is None


def test_words_of_a_memory_are_cleaned_and_lines_outside_the_function_are_nobodys() -> None:
    loud = replace(PROBE, claim="\x1b[31m" + "red " * 900, source="\u202eevil" * 90, line=6)
    suspicion = ask.remembered(replace(SAID, probe=loud), TOTAL)
    assert suspicion is not None and suspicion.probe is not None
    assert "\x1b" not in suspicion.message and len(suspicion.message) <= ask.MOST_WORDS
    assert suspicion.probe.claim == suspicion.message
    assert "\u202e" not in suspicion.probe.source and len(suspicion.probe.source) <= ask.MOST_NAME
    assert (suspicion.probe.line, suspicion.suspicious_lines) == (0, {})


# ------------------------------------------------------------------------------------ a rewrite that is remembered


def case() -> verify.Case:
    language = Python()
    head = next(f for f in language.functions("shop/cart.py", HEAD_TEXT) if f.qualname == "total")
    place = Place(language, HEAD_TEXT, head, language.unit(HEAD_TEXT, head))
    return verify.Case(None, place, None, None, (), BASE)  # type: ignore[arg-type]  # policy asks for neither


def against(source: str, *imports: str) -> tuple[str, ...]:
    """What is said against a rewrite out of a memory before anything runs."""
    told = replace(SAID, source=source, imports=imports)
    judged = case()
    where = replace(finding(), function=changed(judged.place.function))
    where = replace(where, function=replace(where.function, base=BASE))
    return verify.refusals(judged, candidate_of(judged.place, where, told))


def test_an_honest_rewrite_passes_on_to_the_cold_proof() -> None:
    assert against(NEW_SOURCE) == ()
    assert against(NEW_SOURCE.replace("result += price", "result = result + price")) == ()


@pytest.mark.parametrize(
    ("source", "imports"),
    [
        (NEW_SOURCE.replace("    result = 0\n", "    import os\n    os.system('x')\n    result = 0\n"), ()),
        (NEW_SOURCE.replace("    return result\n", "    return eval('sum(prices)')\n"), ()),
        (
            NEW_SOURCE.replace(
                "    result = 0\n", "    import sys\n    result = len(sys._getframe(1).f_code.co_name)\n"
            ),
            (),
        ),
        (NEW_SOURCE + "\n\ndef test_it():\n    pass\n", ()),
        (NEW_SOURCE + "\n\nimport os\n", ()),
        ("total = sum\n", ()),
        (NEW_SOURCE.replace("def total", "def other"), ()),
        (NEW_SOURCE, ("import ctypes",)),
        (NEW_SOURCE, ("import json\nos = 1",)),
        ("def total(prices):\n    return '\0'\n", ()),
        ("def total(prices):\n    return '\ud800'\n", ()),
        ("def total(prices):\n    return " + "(" * 5000 + ")" * 5000 + "\n", ()),
    ],
)
def test_what_no_rewrite_may_be_no_memory_makes_one(source: str, imports: tuple[str, ...]) -> None:
    assert against(source, *imports) != ()


@given(st.text(max_size=200))
def test_no_text_breaks_anything_or_stands_where_the_function_stood(text: str) -> None:
    said = against(text)
    assert said != ()


def test_what_is_base_again_is_seen_and_not_believed() -> None:
    judged = case()
    where = replace(finding(), function=replace(TOTAL, head=judged.place.function))

    def label(source: str, *imports: str) -> bool:
        return candidate_of(judged.place, where, replace(SAID, source=source, imports=imports)).is_revert

    assert label(BASE.source) and label(BASE.source.replace("    result = 0\n", "    result = 0  # nothing\n"))
    assert not label(BASE.source, "import ctypes")
    assert not label(BASE.source.replace("result = 0", "result = 1"))
    assert not label("\0") and not label("total = 1")

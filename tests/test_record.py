"""The saved result: everything comes back, the schema is current, and nothing unproven can be read as proven."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_proofs import ALTERED, ATTACK, KINDS, LEFT_ALONE, SLOWER, mended
from sample_reviews import (
    CALL_FINDING,
    CLEAN,
    FINDING,
    FOUND,
    FOUND_BY_MODEL,
    FOUND_WITHOUT,
    NEUTRAL,
    NOTHING,
    REWRITE,
    WITH_REWRITE,
)

from bot.domain import Call, Probe, Problem, ProofLevel, Review, Severity, Target
from bot.errors import UsageError
from bot.kinds import Difference, Measured
from bot.record import SCHEMA_VERSION, dumps, find, from_json, save, schema, to_json, write_atomically

ROOT = Path(__file__).parent.parent
CALLED = replace(FOUND, findings=(replace(WITH_REWRITE, finding=CALL_FINDING),))
PROBE = Probe(
    "call", "def test_x(): ...", "test_x", "It is wrong.", severity=Severity.LOW, line=2, imports=("import json",)
)
PULLED = replace(
    FOUND,
    target=Target("github", "ada/shop", 7, "c" * 40),
    findings=(
        replace(WITH_REWRITE, finding=replace(FINDING, probe=PROBE), ignored=True),
        replace(WITH_REWRITE, rewrite=replace(REWRITE, obstacle="line-ends")),
    ),
    functions=tuple(replace(row, whole=False) for row in FOUND.functions),
)
ALL = pytest.mark.parametrize(
    "review",
    [CLEAN, FOUND, FOUND_WITHOUT, NEUTRAL, NOTHING, CALLED, FOUND_BY_MODEL, PULLED, KINDS, ALTERED, LEFT_ALONE],
)


@ALL
def test_a_review_comes_back_whole(review: Review) -> None:
    assert from_json(json.loads(dumps(review))) == review


@ALL
def test_a_result_is_valid_by_the_saved_schema(review: Review) -> None:
    saved = json.loads((ROOT / "docs/result.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(saved).validate(to_json(review))


NUMBERS = st.floats(0, 1e9)
MEASURED = st.builds(
    Measured,
    ratio=NUMBERS,
    low=st.floats(0, 1),
    high=st.floats(1, 1e9),
    pairs=st.integers(0, 10_000),
    seconds_old=NUMBERS,
    seconds_new=NUMBERS,
    arguments=st.text(),
    scale=st.integers(1, 64),
    exponent_old=st.none() | NUMBERS,
    exponent_new=st.none() | NUMBERS,
    sizes=st.lists(st.integers(0, 10**6), max_size=5).map(tuple),
    memory_old_kb=st.integers(0, 10**9),
    events_old=st.dictionaries(st.sampled_from(("sql", "open", "connect")), st.integers(0, 10**6)),
    repeats=st.integers(0, 9),
)
DIFFERENCE = st.builds(Difference, *[st.text()] * 7, needs=st.lists(st.text(), max_size=3).map(tuple))


@given(MEASURED, DIFFERENCE, st.text(), st.integers(0, 9999))
def test_times_differences_and_attacks_come_back_whatever_they_say(
    measured: Measured, difference: Difference, text: str, cwe: int
) -> None:
    call = Call("t::a", text, "4", "", "", source=text, answer="4", needs=(text,))
    attack = replace(ATTACK, cwe=cwe, witness=replace(ATTACK.witness, payload=text, sink=text, call=call))
    slower = replace(SLOWER, witness=replace(SLOWER.witness, measured=measured))
    (report,) = ALTERED.functions
    review = replace(
        FOUND,
        findings=(
            mended(attack, symbolic=text, why_in_process=text),
            mended(attack, level=ProofLevel.APART, tests_apart=cwe + 1),
            mended(slower, measured=measured, mutants=3, noticed=3),
        ),
        functions=(replace(report, differences=(difference,), left_alone=text),),
    )
    assert from_json(json.loads(dumps(review))) == review


def test_the_saved_schema_is_current() -> None:
    saved = json.loads((ROOT / "docs/result.schema.json").read_text(encoding="utf-8"))
    assert saved == schema(), "run `make docs`"
    jsonschema.Draft202012Validator.check_schema(saved)


def test_the_schema_refuses_what_is_no_result() -> None:
    validator = jsonschema.Draft202012Validator(schema())
    assert not validator.is_valid({})
    assert not validator.is_valid({**to_json(CLEAN), "conclusion": "green"})


def test_the_shape_that_consumers_rely_on() -> None:
    data = to_json(FOUND)
    assert data["schema"] == f"tryline/result/{SCHEMA_VERSION}"
    assert data["conclusion"] == "findings"
    assert data["change"]["head"] == {"name": "feature/vat", "commit": "c" * 40, "tree": "d" * 40}
    (finding,) = data["findings"]
    assert finding["id"] == FINDING.id
    assert (finding["path"], finding["function"]) == ("shop/cart.py", "total")
    assert (finding["start_line"], finding["end_line"]) == (13, 13)
    assert finding["suspicious_lines"] == {"13": 1.0, "14": 0.5}
    assert finding["replay"] == f"tryline replay {FINDING.id}"
    suggestion = finding["suggestion"]
    assert suggestion["replacement"] == "    for price in prices:\n"
    assert (suggestion["label"], suggestion["edits"]) == ("rewrite", ["drop-slice"])
    assert suggestion["function_source"].startswith("def total(")
    assert finding["verdict"]["accepted"] is True
    assert finding["verdict"]["matrix"][1] == {
        "test": "tests/test_cart.py::test_total",
        "base": "passed",
        "head": "failed",
        "candidate": "passed",
    }
    keep, fixed, _ = finding["search"]["steps"][0]["trials"]
    assert (keep["operator"], keep["edit"]) == ("keep", None)
    assert (fixed["logprob"], fixed["score"], fixed["result"]["status"]) == (-1.5, 8.5, "passed")
    assert data["functions"][0]["function"] == "total"
    assert data["costs"]["executions"] == 21


def test_what_json_cannot_hold_is_replaced() -> None:
    review = replace(CLEAN, problems=(Problem("x", "lone \ud800 surrogate"),))
    assert "lone ? surrogate" in dumps(review)
    step = from_json(json.loads(dumps(FOUND))).findings[0].search
    assert step is not None
    assert step.steps[0].trials[2].score == -math.inf


def test_a_suggestion_without_an_accepted_verdict_is_not_read() -> None:
    for change in ({"verdict": None}, {"verdict": {**to_json(FOUND)["findings"][0]["verdict"], "judgements": []}}):
        data = to_json(FOUND)
        data["findings"][0] |= change
        with pytest.raises(UsageError, match="without an accepted verdict"):
            from_json(data)


@pytest.mark.parametrize("path", ["/etc/passwd", "../test_a.py", "tests/../../test_a.py", ""])
def test_a_witness_that_would_be_saved_outside_the_repository_is_not_read(path: str) -> None:
    data = to_json(FOUND_BY_MODEL)
    data["findings"][0]["witness"]["path"] = path
    with pytest.raises(UsageError, match="at no path of the repository"):
        from_json(data)


def test_a_result_without_the_code_of_witnesses_is_read() -> None:
    data = to_json(FOUND)
    del data["findings"][0]["witness"]["code"], data["findings"][0]["witness"]["path"]
    assert from_json(data) == FOUND


@pytest.mark.parametrize("data", [None, [], {}, {"schema": "tryline/result/1.0"}, "x", 3])
def test_what_is_no_result_is_refused(data: object) -> None:
    with pytest.raises(UsageError, match="not a Tryline result"):
        from_json(data)


def test_other_versions_are_refused_and_newer_minor_ones_read() -> None:
    data = to_json(FOUND)
    with pytest.raises(UsageError) as caught:
        from_json({**data, "schema": "tryline/result/2.0"})
    assert caught.value.slug == "result-version"
    assert from_json({**data, "schema": "tryline/result/1.7", "news": 1}) == FOUND


def test_saved_and_found_by_the_start_of_an_id(tmp_path: Path) -> None:
    path = save(FOUND, tmp_path)
    assert path == tmp_path / "results" / f"{FOUND.id}.json"
    assert list(path.parent.iterdir()) == [path], "nothing is left of writing"
    assert path.stat().st_mode & 0o077 == 0o666 & ~current_umask() & 0o077
    assert find(tmp_path, FINDING.id[:5]) == (FOUND, FINDING.id)
    assert find(tmp_path, FOUND.id) == (FOUND, FINDING.id)


def current_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_the_newest_review_with_a_finding_is_meant(tmp_path: Path) -> None:
    newer = replace(FOUND, id="fedcba987654")
    os.utime(save(FOUND, tmp_path), (1, 1))
    os.utime(save(newer, tmp_path), (2, 2))
    assert find(tmp_path, FINDING.id) == (newer, FINDING.id)
    assert find(tmp_path, FOUND.id)[0] == FOUND


def test_unknown_and_ambiguous_ids_list_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        find(tmp_path, "abc")
    assert caught.value.slug == "result-unknown"
    assert "tryline review" in caught.value.hint
    save(replace(CLEAN, id="aaaa1"), tmp_path)
    save(replace(CLEAN, id="aaaa2"), tmp_path)
    with pytest.raises(UsageError) as caught:
        find(tmp_path, "aaaa")
    assert caught.value.slug == "result-ambiguous"
    assert "aaaa1" in caught.value.hint
    assert "aaaa2" in caught.value.hint
    with pytest.raises(UsageError):
        find(tmp_path, "")
    save(replace(CLEAN, id="aaaa"), tmp_path)
    assert find(tmp_path, "aaaa")[0].id == "aaaa", "a whole id is not ambiguous"


def test_files_that_are_no_results_are_passed_over(tmp_path: Path) -> None:
    save(FOUND, tmp_path)
    for name, text in (("a", "{"), ("b", "[]"), ("c", "[" * 100_000), ("d", '{"schema": "tryline/result/9.0"}')):
        (tmp_path / "results" / f"{name}.json").write_text(text)
    assert find(tmp_path, FINDING.id)[0] == FOUND


def test_an_id_cannot_leave_the_folder(tmp_path: Path) -> None:
    assert save(replace(CLEAN, id="../../x"), tmp_path).parent == tmp_path / "results"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    write_atomically(target, "old")
    target.parent.chmod(0o755)
    with pytest.raises(TypeError):
        write_atomically(target, ["no text"])
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]

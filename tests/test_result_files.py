"""Results of strangers: read when they are results, refused with a reason when they are not, nothing else."""

from __future__ import annotations

import copy
import json
import os
import string
import time
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sample_proofs import ATTACK_MENDED, KINDS, SLOWER_MENDED
from sample_reviews import CLEAN, FINDING, FOUND, FOUND_BY_MODEL, REWRITE, WITH_REWRITE

from bot import diff, identity
from bot.domain import DiffLine, FileDiff, FileStatus, Hunk, Replacement, Review, Target
from bot.errors import UsageError
from bot.record import dumps, from_json, load, to_json

pytestmark = pytest.mark.thorough

FILE = FileDiff(
    "shop/cart.py",
    "shop/cart.py",
    FileStatus.MODIFIED,
    (
        Hunk(
            11,
            3,
            11,
            3,
            (DiffLine(11, 11, ""), DiffLine(12, None, ""), DiffLine(None, 12, ""), DiffLine(13, 13, "")),
        ),
        Hunk(40, 0, 41, 1, (DiffLine(None, 41, ""),)),
    ),
)
NEW = FileDiff(
    "new.py", None, FileStatus.ADDED, (Hunk(0, 0, 1, 2, (DiffLine(None, 1, ""), DiffLine(None, 2, ""))),)
)
WITH_HUNKS = replace(
    FOUND,
    change=replace(FOUND.change, files=(FILE, NEW)),
    findings=(replace(WITH_REWRITE, finding=replace(FINDING, anchor="code: x=1")),),
    target=Target("github", "ada/shop", 7, "c" * 40),
)
FULL = replace(
    WITH_HUNKS,
    findings=(*FOUND_BY_MODEL.findings, *WITH_HUNKS.findings, SLOWER_MENDED, ATTACK_MENDED),
    functions=KINDS.functions,
)


def without_text(file: FileDiff) -> FileDiff:
    blank = (replace(h, lines=tuple(replace(line, text="") for line in h.lines)) for h in file.hunks)
    return replace(file, hunks=tuple(blank))


def with_value(data: Any, path: tuple[Any, ...], value: object) -> Any:
    made = copy.deepcopy(data)
    place = made
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def read(data: object) -> Review | None:
    """The review that is read, None where the value is refused: nothing else may happen."""
    try:
        return from_json(data)
    except UsageError as refused:
        assert refused.slug in ("result-invalid", "result-version")
        assert len(refused.message) < 500
        return None


# ------------------------------------------------------------------------------------------- what comes back


def test_hunks_anchor_and_target_come_back() -> None:
    assert from_json(json.loads(dumps(WITH_HUNKS))) == WITH_HUNKS
    assert to_json(WITH_HUNKS)["change"]["files"][0]["hunks"][0]["lines"] == " -+ "
    (file, _) = from_json(to_json(WITH_HUNKS)).change.files
    assert file.commentable() == {11, 12, 13, 41}


def test_the_text_of_the_diff_is_not_in_the_result() -> None:
    secret = replace(FILE, hunks=(Hunk(1, 1, 1, 1, (DiffLine(1, 1, "password = 'hunter2'"),)),))
    text = dumps(replace(CLEAN, change=replace(CLEAN.change, files=(secret,))))
    assert "hunter2" not in text
    assert from_json(json.loads(text)).change.files == (without_text(secret),)


@given(st.lists(st.tuples(st.integers(1, 9), st.text(" +-", min_size=1, max_size=12)), max_size=6))
def test_line_numbers_are_rebuilt_for_every_diff(drawn: list[tuple[int, str]]) -> None:
    old, new, hunks = 0, 0, []
    for gap, kinds in drawn:
        old, new = old + gap, new + gap
        start = (old + 1, new + 1)
        lines = []
        for kind in kinds:
            old, new = old + (kind != "+"), new + (kind != "-")
            lines.append(DiffLine(None if kind == "+" else old, None if kind == "-" else new, ""))
        counts = (len(kinds) - kinds.count("+"), len(kinds) - kinds.count("-"))
        # A side without lines names the line before.
        begins = [first if count else first - 1 for first, count in zip(start, counts, strict=True)]
        hunks.append(Hunk(begins[0], counts[0], begins[1], counts[1], tuple(lines)))
    review = replace(CLEAN, change=replace(CLEAN.change, files=(replace(FILE, hunks=tuple(hunks)),)))
    assert from_json(to_json(review)) == review


def test_hunks_as_git_writes_them_come_back() -> None:
    raw = b":100644 100644 1111111 2222222 M\0a.py\0"
    patch = (
        b"diff --git a/a.py b/a.py\nindex 1111111..2222222 100644\n--- a/a.py\n+++ b/a.py\n"
        b"@@ -1,2 +0,0 @@\n-one\n-two\n@@ -10,0 +9,2 @@ f\n+x\n+y\n\\ No newline at end of file\n"
    )
    files = diff.parse(raw, patch)
    assert files[0].hunks
    review = replace(CLEAN, change=replace(CLEAN.change, files=files))
    assert from_json(to_json(review)).change.files == tuple(without_text(file) for file in files)


def test_results_of_earlier_versions_are_read() -> None:
    data = to_json(replace(WITH_HUNKS, target=None))
    for version, gone in (("1.1", ()), ("1.0", ("code", "path"))):
        old = copy.deepcopy(data)
        old["schema"] = f"tryline/result/{version}"
        del old["target"]
        for file in old["change"]["files"]:
            del file["hunks"]
        for finding in old["findings"]:
            del finding["anchor"], finding["probe"], finding["ignored"], finding["suggestion"]["obstacle"]
            for key in gone:
                del finding["witness"][key]
            for key in ("payload", "sink", "stack", "measured"):
                del finding["witness"][key]
            for key in ("measured", "mutants", "noticed", "symbolic", "level", "tests_apart", "why_in_process"):
                del finding["verdict"][key]
            del finding["cwe"]
        for key in ("whole", "differences", "compared", "left_alone"):
            del old["functions"][0][key]
        review = from_json(old)
        assert review.findings[0].finding == FINDING
        assert [file.hunks for file in review.change.files] == [(), ()]


def test_ids_are_made_anew() -> None:
    data = with_value(to_json(FOUND), ("findings", 0, "id"), "0" * 12)
    assert from_json(data).findings[0].finding.id == FINDING.id


def test_half_a_change_is_never_called_one_that_can_be_applied() -> None:
    also = (Replacement("shop/cart.py", 1, 1, "import math\n"),)
    data = to_json(replace(FOUND, findings=(replace(WITH_REWRITE, rewrite=replace(REWRITE, also=also)),)))
    assert data["findings"][0]["suggestion"]["obstacle"] == ""
    rewrite = from_json(data).findings[0].rewrite
    assert rewrite is not None
    assert rewrite.obstacle == "further-hunks"


# ---------------------------------------------------------------------------------------------- what is refused

HUNK = ("change", "files", 0, "hunks", 0)
DEFINITION = ("findings", 0, "definition", "head")
SUGGESTION = ("findings", 1, "suggestion")
MEASURED = ("findings", 2, "witness", "measured")
BAD_PATHS = (
    "/etc/passwd",
    "../x.py",
    "a/../../x.py",
    "a//b",
    "./a",
    "a/.",
    "",
    ".git/config",
    "a/.GIT/hooks/x",
    "a\0b",
)


@pytest.mark.parametrize("path", BAD_PATHS)
@pytest.mark.parametrize(
    "place",
    [
        ("change", "files", 0, "path"),
        ("change", "files", 0, "old_path"),
        (*DEFINITION, "path"),
        (*SUGGESTION, "path"),
        ("findings", 0, "witness", "path"),
        ("functions", 0, "definition", "base", "path"),
        ("not_reviewed", 0, "path"),
    ],
    ids=lambda place: ".".join(map(str, place)),
)
def test_paths_that_leave_the_repository_are_refused(place: tuple[Any, ...], path: str) -> None:
    assert read(with_value(to_json(FULL), place, path)) is None


@pytest.mark.parametrize(
    "path", ["a", "a.py", ".github/x.py", ".gitignore", "a/..b/c...", "a b/ü\n.py", "a/.gitx/y"]
)
def test_odd_paths_are_no_reason_to_refuse(path: str) -> None:
    assert read(with_value(to_json(FULL), ("change", "files", 0, "path"), path)) is not None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("findings", 0, "id"), "0" * 11),
        (("findings", 0, "id"), "G" * 12),
        (("findings", 0, "id"), "../../../../x"),
        (("findings", 0, "start_line"), 0),
        (("findings", 0, "start_line"), -1),
        (("findings", 0, "start_line"), 2**31),
        (("findings", 0, "start_line"), 14),  # after its end
        (("findings", 0, "start_line"), "13"),
        (("findings", 0, "start_line"), 13.0),
        (("findings", 0, "start_line"), True),
        (("findings", 0, "suspicious_lines"), {"0": 1.0}),
        (("findings", 0, "suspicious_lines"), {"9" * 5000: 1.0}),
        (("findings", 0, "suspicious_lines"), {"\u0661": 1.0}),
        (("findings", 0, "suspicious_lines"), {"1": float("nan")}),
        (("findings", 0, "suspicious_lines"), {"1": float("inf")}),
        (("findings", 0, "ignored"), "yes"),
        (("findings", 0, "severity"), "fatal"),
        ((*DEFINITION, "def_line"), 1),
        ((*DEFINITION, "body_line"), 99),
        ((*SUGGESTION, "end_line"), 11),
        ((*SUGGESTION, "path"), "other.py"),
        ((*SUGGESTION, "also"), [{"path": "b.py", "start_line": 1, "end_line": 1, "replacement": ""}]),
        (("findings", 1, "search", "steps", 0, "chosen"), 3),
        (("findings", 1, "search", "steps", 0, "trials", 0, "merged_into"), 9),
        (("findings", 1, "verdict", "tests_run"), -1),
        ((*MEASURED, "low"), 11.0),  # above its end
        ((*MEASURED, "low"), -1.0),
        ((*MEASURED, "ratio"), "9"),
        ((*MEASURED, "ratio"), float("inf")),
        ((*MEASURED, "pairs"), -1),
        ((*MEASURED, "sizes"), [1.5]),
        ((*MEASURED, "events_old"), {"sql": -1}),
        ((*MEASURED, "events_old"), {str(number): 1 for number in range(101)}),
        (("findings", 3, "cwe"), -78),
        (("findings", 3, "cwe"), "78"),
        (("findings", 3, "cwe"), 10**9),
        (("findings", 3, "witness", "stack", 0, "line"), -1),
        (("findings", 3, "verdict", "noticed"), 11),  # of 10
        (("findings", 3, "verdict", "level"), "apart"),  # of no test
        (("findings", 3, "verdict", "level"), "proven"),
        (("findings", 3, "verdict", "tests_apart"), 1),  # in-process
        (("functions", 0, "differences", 0, "arguments"), 3),
        (("functions", 0, "compared"), -1),
        ((*HUNK, "lines"), " -+x"),
        ((*HUNK, "lines"), " -+"),
        ((*HUNK, "lines"), " -+ \n"),
        ((*HUNK, "old_start"), 0),
        ((*HUNK, "new_start"), -1),
        ((*HUNK, "new_start"), 90),
        (("change", "head", "commit"), "--output=/etc/passwd"),
        (("change", "head", "commit"), "HEAD"),
        (("change", "base", "tree"), "-x"),
        (("change", "base", "tree"), "A" * 40),
        (("id",), "../x"),
        (("id",), ""),
        (("target", "number"), 0),
        (("target", "repository"), "ada"),
        (("target", "repository"), "ada/shop/../x"),
        (("target", "head"), "main"),
        (("suite",), {"head": {"passed": -1}}),
        (("functions",), "x"),
        (("findings",), {}),
        (("environment",), {"a": 1}),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_is_refused(place: tuple[Any, ...], value: object) -> None:
    assert read(with_value(to_json(FULL), place, value)) is None


def test_more_findings_than_any_review_has_are_refused() -> None:
    data = to_json(FOUND)
    assert read({**data, "findings": data["findings"] * 10_001}) is None


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("findings", 0, "definition", "changed_lines"), [0] * 2_000_000),
        (("notes",), [0] * 2_000_000),
        (("functions",), [0] * 2_000_000),
        (("environment",), dict.fromkeys(map(str, range(500_000)), 1)),
        (("findings", 0, "suspicious_lines"), dict.fromkeys(map(str, range(500_000)), "x")),
        (("suite",), {"head": dict.fromkeys(map(str, range(500_000)), "x")}),
    ],
    ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_a_million_errors_take_no_memory(place: tuple[Any, ...], value: object) -> None:
    data = with_value(to_json(FULL), place, value)
    tracemalloc.start()
    try:
        assert read(data) is None
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_names_that_were_made_to_take_time_do_not() -> None:
    started = time.process_time()
    for text in ("/" * 3_000_000, "/pytest-of-" * 200_000, "1" * 3_000_000, "2026-01-01 " * 200_000):
        data = with_value(to_json(FOUND), ("findings", 0, "witness", "tests"), [f"t.py::test_x[{text}]"])
        assert len(from_json(data).findings[0].finding.id) == 12
    for text in ("'''" * 500_000, "'" * 1_000_001, "\\" * 1_000_001, " " * 1_000_000):
        identity.code(text)
    assert time.process_time() - started < 5


@pytest.mark.parametrize("tree", ["odd/../name.py", "/x"])
def test_an_odd_repository_can_be_saved_all_the_same(tree: str) -> None:
    odd = replace(CLEAN, change=replace(CLEAN.change, files=(replace(FILE, path=tree),)))
    assert json.loads(dumps(odd))["change"]["files"][0]["path"] == tree


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(10**300, 10**400)
    | st.floats()
    | st.text(max_size=8)
    | st.just("\ud800")
    | st.sampled_from(["..", "/", "a" * 40, "passed", "\0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(string.printable, max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
VALUE = to_json(FULL)
PLACES = list(places(VALUE))


@pytest.mark.parametrize("place", [("id",), ("change", "files", 0, "path"), ("notes",)])
def test_half_a_character_is_refused(place: tuple[Any, ...]) -> None:
    assert read(with_value(VALUE, place, ["\ud800"] if place == ("notes",) else "\ud800")) is None


@example([(("change", "files", 1, "path"), "\ud800")])
@settings(max_examples=400)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JSON), min_size=1, max_size=3))
def test_any_change_of_a_result_is_read_or_refused(changes: list[tuple[tuple[Any, ...], object]]) -> None:
    data = VALUE
    for place, value in changes:
        try:
            data = with_value(data, place, value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    review = read(data)
    if review is not None:
        for item in review.findings:
            assert len(item.finding.id) == 12
            assert item.rewrite is None or item.rewrite.verdict.accepted
        assert from_json(to_json(review)) == review, "what was read can be saved and read again"


@given(JSON)
def test_any_value_is_refused(value: object) -> None:
    assert read(value) is None
    assert read({"schema": value}) is None


@settings(max_examples=200)
@given(st.data())
def test_a_lost_key_is_an_older_version_or_refused(data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(PLACES))
    made = copy.deepcopy(VALUE)
    parent = made
    for step in place[:-1]:
        parent = parent[step]
    del parent[place[-1]]
    read(made)


# ----------------------------------------------------------------------------------------------------- files


def refusal(path: Path, **more: int) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load(path, **more)
    assert caught.value.hint
    assert len(caught.value.message) < 500
    return caught.value


def test_a_saved_file_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(dumps(WITH_HUNKS), "utf-8")
    assert load(tmp_path / "r.json") == WITH_HUNKS


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "r.json").slug == "result-missing"
    assert refusal(tmp_path).slug == "result-missing"
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe").slug == "result-missing", "nobody writes into it: reading would wait forever"
    (tmp_path / "link").symlink_to("/dev/zero")
    assert refusal(tmp_path / "link").slug == "result-missing"
    assert refusal(Path("a\0b")).slug == "result-missing"


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    text = dumps(FOUND)
    path.write_text(text, "utf-8")
    size = path.stat().st_size
    assert load(path, limit=size) == FOUND
    assert refusal(path, limit=size - 1).slug == "result-too-large"
    with path.open("wb") as stream:
        stream.truncate(17 * 1024 * 1024)
    assert refusal(path).slug == "result-too-large"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xff\xfe{}",
        b"\x80",
        b"NaN",
        b'{"schema": NaN}',
        b"1" * 5000,
        b'{"schema": "tryline/result/1.2", "id": ' + b"9" * 5000 + b"}",
        b'"' + b"x" * 1000,
    ],
    ids=[
        "empty",
        "cut",
        "deep-list",
        "deep-map",
        "utf16",
        "not-utf8",
        "nan",
        "nan-inside",
        "long",
        "long-inside",
        "text",
    ],
)
def test_what_is_no_json_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "r.json").write_bytes(data)
    assert refusal(tmp_path / "r.json").slug == "result-invalid"


def test_a_result_with_a_number_that_json_does_not_have_is_refused(tmp_path: Path) -> None:
    text = (
        dumps(FOUND)
        .replace('"seconds": 12.4', '"seconds": Infinity')
        .replace('"seconds": 24.6', '"seconds": 1e999')
    )
    (tmp_path / "r.json").write_text(text)
    assert refusal(tmp_path / "r.json").slug == "result-invalid"


def test_a_result_that_would_be_too_large_leaves_the_trials_out(tmp_path: Path) -> None:
    whole = len(dumps(FOUND).encode())
    assert dumps(FOUND, limit=whole) == dumps(FOUND)
    text = dumps(FOUND, limit=whole - 1)
    (tmp_path / "r.json").write_text(text, "utf-8")
    review = load(tmp_path / "r.json", limit=whole - 1)
    assert review.findings[0].search is not None
    assert review.findings[0].search.steps == ()
    assert "left out" in review.notes[-1]
    assert replace(review.findings[0], search=None) == replace(FOUND.findings[0], search=None)

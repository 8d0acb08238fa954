"""Markers: what is written is read again, only in the last line, and nothing that is malformed or too large."""

from __future__ import annotations

import base64
import json
import random
import re
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from sample_reviews import BASE_SOURCE, CHANGED, function

from bot import markers
from bot.domain import Probe, Severity
from bot.markers import Marker, read, signed, unsigned, write
from bot.plan import Known, Memory, function_digest

IDS = st.from_regex(r"[0-9a-f]{12}", fullmatch=True)
WORDS = st.text(max_size=60)
PROBES = st.builds(
    Probe,
    kind=st.sampled_from(["test", "call"]),
    code=WORDS,
    test=WORDS,
    claim=WORDS,
    raises=WORDS,
    source=WORDS,
    severity=st.sampled_from(Severity),
    line=st.integers(0, 10_000),
    call=WORDS,
    expected=WORDS,
    fixed=WORDS,
    imports=st.tuples(WORDS),
    stub=WORDS,
)
KNOWN = st.builds(
    Known,
    id=IDS,
    function=WORDS,
    rule=WORDS,
    title=WORDS,
    source=WORDS,
    imports=st.lists(WORDS, max_size=2).map(tuple),
    edits=st.lists(WORDS, max_size=2).map(tuple),
    proposer=WORDS,
    rung=WORDS,
    probe=st.none() | PROBES,
)
MEMORIES = st.builds(
    Memory,
    head=st.from_regex(r"[0-9a-f]{40}|", fullmatch=True),
    functions=st.dictionaries(WORDS, IDS, max_size=4),
    findings=st.lists(KNOWN, max_size=3).map(tuple),
    ignored=st.dictionaries(IDS, WORDS, max_size=3),
)
MARKERS = st.one_of(
    st.builds(Marker, kind=st.just("summary"), memory=st.none() | MEMORIES),
    st.builds(Marker, kind=st.just("finding"), id=IDS, withdrawn=st.booleans()),
    st.builds(Marker, kind=st.just("answer"), id=st.integers(1, 10**12).map(str)),
)


@given(MARKERS, st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("`~-<>!\n "), max_size=200))
def test_what_is_written_is_read_below_any_text(marker: Marker, text: str) -> None:
    body = signed(text, marker)
    assert read(body) == marker
    assert read(f"{body} \r\n\n") == marker
    assert unsigned(body) == text.rstrip()
    assert "\n" not in write(marker)


@given(MARKERS)
def test_a_marker_is_one_comment_to_every_parser(marker: Marker) -> None:
    line = write(marker)
    assert re.fullmatch(r"<!-- (?:(?!--).)* -->", line), "no two hyphens in a comment"
    tokens = MarkdownIt("commonmark").parse(line)
    assert [(token.type, token.content) for token in tokens] == [("html_block", line)]


@given(MARKERS, st.text(min_size=1).filter(str.strip))
def test_only_the_last_line_counts(marker: Marker, text: str) -> None:
    assert read(f"{write(marker)}\n{text}") == read(text)


@given(MARKERS, st.data())
def test_a_marker_that_was_cut_is_none(marker: Marker, data: st.DataObject) -> None:
    line = write(marker)
    assert read(line[: data.draw(st.integers(0, len(line) - 1))]) is None
    assert read(line[data.draw(st.integers(1, len(line))) :]) is None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "<!-- tryline:1 -->",
        "<!-- tryline:2 summary -->",
        "<!-- tryline:1 other -->",
        "<!-- tryline:1 finding id= -->",
        "<!-- tryline:1 finding id=a--b -->",
        "<!-- tryline:1 finding id=<b> -->",
        "<!-- tryline:1 summary memory= -->",
        "<!-- tryline:1  summary -->",
        "> <!-- tryline:1 summary -->",
        "`<!-- tryline:1 summary -->`",
        "text <!-- tryline:1 summary -->",
        "<!-- tryline:1 summary --> text",
        "&lt;!-- tryline:1 summary -->",
        f"<!-- tryline:1 finding id={'a' * 81} -->",
    ],
)
def test_what_is_no_marker(line: str) -> None:
    assert read(line) is None
    assert read(f"above\n\n{line}\n") is None


@pytest.mark.parametrize("identity", ["a b", "a--b", "-a", "a-", "é", "a\n", "x" * 81, "a>"])
def test_an_id_that_a_marker_cannot_hold_is_refused(identity: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        write(Marker("answer", identity))


def packed(raw: bytes) -> str:
    text = base64.b64encode(zlib.compress(raw), b"._").decode().rstrip("=")
    return f"<!-- tryline:1 summary memory={text} -->"


def test_a_memory_as_documented_is_read() -> None:
    raw = {"version": 1, "head": "c0", "ignored": {"ab": "ann"}, "of a later version": [1]}
    assert read(packed(json.dumps(raw).encode())) == Marker("summary", memory=Memory("c0", ignored={"ab": "ann"}))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        b"\xff\xfe",
        b'{"version": 2}',
        b'{"version": true}',
        b'{"version": 1, "findings": [{"id": 3}]}',
        b'{"version": 1, "functions": ["a"]}',
        b'{"version": 1, "head": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_memory_that_is_none_leaves_the_comment_ours(raw: bytes) -> None:
    assert read(packed(raw)) == Marker("summary")


@pytest.mark.parametrize("kind", ["input", "attack", "measure", "Test", ""])
def test_what_only_we_may_make_is_not_read_out_of_a_comment(kind: str) -> None:
    probe = Probe(kind, "import os\n", "test_x", "It is wrong.", cwe=78, payload="x", title="x")
    known = Known("0123456789ab", "a.py::f", "model/security", "x", source="def f(): ...\n", probe=probe)
    found = read(signed("x", Marker("summary", memory=Memory(findings=(known,)))))
    assert found is not None
    assert found.memory == Memory(findings=(replace(known, probe=None),))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = packed(b'{"version": 1, "head": "' + b"a" * 40_000_000 + b'"}')
    assert len(bomb) < markers.MAX_READ, "only its inside is too large"
    assert read(bomb) == Marker("summary")
    beside = packed(b'{"version": 1}').replace(" -->", "QUJD -->")
    assert read(beside) == Marker("summary"), "nothing hides behind the compressed data"
    long = f"<!-- tryline:1 summary memory={'A' * (markers.MAX_READ + 1)} -->"
    assert read(long) == Marker("summary")


def noise(length: int, seed: int) -> str:
    """Text that does not compress."""
    return "".join(random.Random(seed).choices("abcdefghijklmnopqrstuvwxyz0123456789 \n", k=length))


def known(number: int, source: int, code: int) -> Known:
    probe = Probe("test", noise(code, number), "test_it", "fails") if code else None
    return Known(
        f"{number:012x}", f"a.py::f{number}", "tests/regression", "title", noise(source, number), probe=probe
    )


def remembered(memory: Memory) -> Memory:
    line = write(Marker("summary", memory=memory))
    assert len(line) <= markers.MAX_MEMORY + 100
    found = read(line)
    assert found is not None
    assert found.memory is not None
    return found.memory


def test_rewrites_are_forgotten_first_and_the_largest_of_them_with_their_functions() -> None:
    functions = {"a.py::f1": "d1", "a.py::f2": "d2"}
    memory = Memory("c0", functions, (known(1, 500, 300), known(2, 40_000, 300), known(3, 400, 0)))
    small = remembered(memory)
    assert [bool(item.source) for item in small.findings] == [True, False, True]
    one, two, three = memory.findings
    assert small == Memory("c0", {"a.py::f1": "d1"}, (one, replace(two, source=""), three))


def test_then_probes() -> None:
    functions = {"a.py::f1": "d1", "a.py::f2": "d2", "a.py::f3": "d3"}
    memory = Memory("c0", functions, (known(1, 500, 300), known(2, 900, 40_000), known(3, 0, 10)))
    small = remembered(memory)
    assert [item.source for item in small.findings] == ["", "", ""]
    assert [item.probe is not None for item in small.findings] == [True, False, True]
    assert small.functions == {"a.py::f3": "d3"}


def test_what_was_ignored_is_remembered_longest() -> None:
    functions = {f"{noise(80, n)}.py::f": noise(32, -n) for n in range(1000)}
    ignored = {f"{n:012x}": f"somebody-{n}" for n in range(300)}
    small = remembered(Memory("c0", functions, tuple(known(n, 0, 0) for n in range(50)), ignored))
    assert (small.head, small.ignored) == ("c0", ignored)
    assert len(small.findings) == 50
    assert 0 < len(small.functions) < 1000
    many = {noise(12, n).replace("\n", "") or "x": noise(30, -n) for n in range(4000)}
    newest = remembered(Memory(ignored=many)).ignored
    assert list(newest.items()) == list(many.items())[-len(newest) :]


def test_what_compresses_well_is_not_written_where_it_could_not_be_read() -> None:
    one = replace(known(1, 0, 0), source="x" * 5_000_000)
    assert remembered(Memory("c0", findings=(one,))).findings == (replace(one, source=""),)


def test_text_that_is_no_unicode_does_not_cost_the_memory() -> None:
    assert (
        remembered(Memory("c0", findings=(replace(known(1, 0, 0), title="a\ud800b"),))).findings[0].title == "a?b"
    )


def test_a_function_is_known_by_its_text_on_both_sides() -> None:
    same = function_digest(CHANGED)
    assert function_digest(replace(CHANGED, head=function(start=90), changed_lines=(1,))) == same
    assert len({
        same,
        function_digest(replace(CHANGED, base=None)),
        function_digest(replace(CHANGED, head=function(BASE_SOURCE))),
        function_digest(replace(CHANGED, head=function(BASE_SOURCE), base=None)),
        function_digest(replace(CHANGED, base=replace(function(), source=""))),
    }) == 5  # fmt: skip

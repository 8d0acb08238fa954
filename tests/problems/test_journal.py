"""The experiment's file: resumed after a kill, never mixed with another experiment, never written by two."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bot.errors import UsageError
from bot.problems.journal import Cell, Header, Journal, differences, read

HEADER = Header({"seeds": [0], "arms": {"single": {"gamma": 1.5}}, "model": "m"}, {"began": "now"})


def cell(problem: str, **more: Any) -> Cell:
    return Cell(problem, "single", 0, **more)


def test_what_was_added_is_read_again_and_the_last_word_counts(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, HEADER) as journal:
        journal.add(cell("a", failure="endpoint-server: 500"))
        journal.add(cell("b", visible=True, hidden=False, tokens_in=3, seconds=0.5, note="é\n"))
        journal.exclude("c", "its own solution fails")
    with Journal(path, HEADER) as journal:
        assert [c.problem for c in journal.record.cells] == ["a", "b"]
        journal.add(cell("a", hidden=True))
    record = read(path)
    assert record.cells == (cell("a", hidden=True), cell("b", visible=True, tokens_in=3, seconds=0.5, note="é\n"))
    assert record.excluded == {"c": "its own solution fails"}
    assert record.header == HEADER


WRITER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from bot.problems.journal import Cell, Header, Journal

    with Journal(Path(sys.argv[1]), Header({"a": 1}, {})) as journal:
        number = len(journal.record.cells)
        while True:
            journal.add(Cell(f"p{number}", "single", 0, note="x" * 2000))
            print(number, flush=True)
            number += 1
    """
)


def test_after_a_kill_nothing_that_was_written_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    told = 0
    for _ in range(3):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _ in range(20):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *map(int, writer.stdout.read().split())])
        writer.wait()
        writer.stdout.close()
    assert told >= 59
    names = [c.problem for c in read(path).cells]
    assert names[: told + 1] == [f"p{i}" for i in range(told + 1)]


@pytest.mark.parametrize("cut", [1, 40, 3])
def test_a_line_that_was_cut_is_taken_away_and_written_again(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, HEADER) as journal:
        journal.add(cell("a"))
        journal.add(cell("b"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    assert [c.problem for c in read(path).cells] == ["a"]
    with Journal(path, HEADER) as journal:
        assert [c.problem for c in journal.record.cells] == ["a"]
        journal.add(cell("b"))
    assert path.read_bytes() == whole


def test_a_kill_in_the_header_leaves_a_file_that_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"kind": "header", "form')
    with Journal(path, HEADER) as journal:
        journal.add(cell("a"))
    assert len(read(path).cells) == 1


def test_another_configuration_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, HEADER):
        pass
    before = path.read_bytes()
    other = Header({"seeds": [0, 1], "arms": {"single": {"gamma": 3.0}}, "tier": "A"}, {})
    with pytest.raises(UsageError) as caught, Journal(path, other):
        pass
    assert caught.value.slug == "experiment-other"
    for said in ("arms.single.gamma was 1.5, now 3.0", 'model was "m", now absent', "seeds was [0], now [0, 1]"):
        assert said in caught.value.message
    assert path.read_bytes() == before
    with Journal(path, Header(HEADER.configuration, {"began": "later"})):
        pass


def test_differences_are_none_for_equal_and_deep_for_others() -> None:
    assert differences({"a": {"b": [1]}}, {"a": {"b": [1]}}) == []
    assert differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == ["a.c was 2, now 3"]


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with (
        Journal(path, HEADER),
        pytest.raises(UsageError, match="another run is writing") as caught,
        Journal(path, HEADER),
    ):
        pass
    assert caught.value.slug == "experiment-busy"
    with Journal(path, HEADER):
        pass


@pytest.mark.parametrize(
    "text",
    [
        "my notes\n",
        "my notes",
        '{"kind": "cell"}\n',
        '{"kind": "header", "format": 9, "configuration": {}, "about": {}}\n',
        '{"kind": "header", "format": 1, "configuration": [], "about": {}}\n',
        '{"kind": "header", "format": 1, "configuration": {}, "about": {}}\n[1]\n',
        '{"kind": "header", "format": 1, "configuration": {}, "about": {}}\n{"kind": "other"}\n',
        '{"kind": "header", "format": 1, "configuration": {}, "about": {}}\n{"kind": "cell", "problem": "a"}\n',
    ],
)
def test_a_file_of_something_else_is_not_touched(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(UsageError) as caught, Journal(path, Header({}, {})):
        pass
    assert caught.value.slug == "experiment-file"
    assert path.read_text() == text


def test_a_cell_with_a_wrong_kind_of_value_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with Journal(path, HEADER) as journal:
        journal.add(cell("a"))
    lines = path.read_text().splitlines()
    row = {**json.loads(lines[1]), "hidden": 1}
    path.write_text(f"{lines[0]}\n{json.dumps(row)}\n")
    with pytest.raises(UsageError, match="line 2: `hidden`"):
        read(path)

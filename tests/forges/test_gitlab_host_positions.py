"""Lines as GitLab wants them named: every line of a diff is named as the double does, which reads GitLab's way."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_pulls import file_diff
from servers.gitlab import positions as theirs

from bot.domain import FileDiff, FileStatus
from bot.forges.gitlab.positions import file_of, lines, position, row
from bot.forges.gitlab.shapes import Change, Position, Refs

REFS = Refs(base_sha="b" * 40, start_sha="5" * 40, head_sha="c" * 40)
OLD = "".join(f"line {n}\n" for n in range(1, 31))
NEW = OLD.replace("line 10\n", "line ten\nline ten and a half\n").replace("line 20\n", "")


def place(file: FileDiff, line: int, start: int | None = None) -> dict[str, Any]:
    found = position((file,), REFS, file.path, line, start)
    assert found is not None
    return found


def test_an_added_line_has_one_number_and_an_unchanged_one_both() -> None:
    file = file_diff("a.py", OLD, NEW)
    assert place(file, 10) == {
        "position_type": "text",
        "base_sha": "b" * 40,
        "start_sha": "5" * 40,
        "head_sha": "c" * 40,
        "old_path": "a.py",
        "new_path": "a.py",
        "new_line": 10,
    }
    assert (place(file, 9)["old_line"], place(file, 12)["old_line"], place(file, 21)["old_line"]) == (9, 11, 21)
    # No hunk shows these; people can unfold them.
    assert (place(file, 3)["old_line"], place(file, 15)["old_line"], place(file, 30)["old_line"]) == (3, 14, 30)


def test_several_lines_are_named_by_codes() -> None:
    file = file_diff("src/ü.py", OLD, NEW)
    digest = hashlib.sha1("src/ü.py".encode()).hexdigest()
    assert place(file, 12, 10)["line_range"] == {
        "start": {"line_code": f"{digest}_11_10", "type": "new"},
        "end": {"line_code": f"{digest}_11_12", "type": "old"},
    }
    assert "line_range" not in place(file, 12, 12)


def test_a_new_file_has_no_old_line_and_a_renamed_one_both_paths() -> None:
    new = file_of(Change(old_path="n.py", new_path="n.py", new_file=True, diff="@@ -0,0 +1,2 @@\n+a\n+b\n"))
    assert new.status is FileStatus.ADDED
    found = place(new, 2, 1)
    assert "old_line" not in found
    assert found["old_path"] == "n.py"
    assert found["line_range"]["start"]["line_code"].endswith("_0_1")
    moved = file_of(
        Change(old_path="o.py", new_path="n.py", renamed_file=True, diff="@@ -1,2 +1,2 @@\n a\n-b\n+c\n")
    )
    assert moved.status is FileStatus.RENAMED
    assert (place(moved, 1)["old_path"], place(moved, 1)["new_path"], place(moved, 1)["old_line"]) == (
        "o.py",
        "n.py",
        1,
    )


@pytest.mark.parametrize(
    "change",
    [
        Change(old_path="a.py", new_path="a.py", diff=""),
        Change(old_path="a.py", new_path="a.py", deleted_file=True, diff="@@ -1 +0,0 @@\n-a\n"),
        Change(old_path="a.py", new_path="a.py", diff="@@ -1,9 +1,9 @@\n a\n"),
        Change(old_path="b.py", new_path="b.py", diff="@@ -1 +1 @@\n-a\n+b\n"),
    ],
)
def test_where_gitlab_shows_no_lines_there_is_no_place(change: Change) -> None:
    assert position((file_of(change),), REFS, "a.py", 1, None) is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from("abcd"), max_size=40),
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=40),
    st.sampled_from([3, 50]),
)
def test_every_line_is_the_one_that_gitlab_finds(before: list[str], after: list[str], context: int) -> None:
    old, new = ("".join(f"{line}\n" for line in text) for text in (before, after))
    mine = file_diff("x.py", old, new, context)
    if not mine.hunks:
        return
    text = "".join(
        f"@@ -{h.old_start},{h.old_count} +{h.new_start},{h.new_count} @@\n"
        + "".join(f"{'+' if n.old is None else '-' if n.new is None else ' '}{n.text}\n" for n in h.lines)
        for h in mine.hunks
    )
    gitlabs = theirs.FileDiff("x.py", "x.py", "100644", "100644", "M", text, len(before))
    for number in range(1, len(after) + 1):
        named = place(mine, number)
        line = gitlabs.line(named.get("old_line"), named["new_line"])
        assert line is not None, number
        assert (line.new_pos, line.old is None) == (number, "old_line" not in named)
        assert line.old_pos == row(mine, number).old
        first = max(1, number - 2)
        codes = place(mine, number, first).get("line_range")
        if first < number:
            assert codes is not None
            assert codes["end"]["line_code"] == gitlabs.code(line)


@pytest.mark.parametrize(
    ("last", "start", "end", "found"),
    [
        (20, "x_10_10", "x_12_13", (20, 17)),
        (20, "x_10_13", "x_12_13", (20, None)),
        (20, "x_10_14", "x_12_13", (20, None)),
        (2, "x_10_1", "x_12_9", (2, None)),
        (20, "x", "y", (20, None)),
        (20, "x_1_" + "9" * 40, "x_1_" + "9" * 40, (20, None)),
        (None, "x_10_10", "x_12_13", (None, None)),
    ],
)
def test_a_range_keeps_its_length_while_its_last_line_moves(
    last: int | None, start: str, end: str, found: tuple[int | None, int | None]
) -> None:
    """GitLab follows the last line over pushes, and leaves the codes as they were."""
    span = {"start": {"line_code": start, "type": "new"}, "end": {"line_code": end, "type": "new"}}
    assert lines(Position.model_validate({"new_line": last, "line_range": span})) == found

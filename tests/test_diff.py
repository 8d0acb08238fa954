"""Patches become lines with the right numbers, whatever names and contents they hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import diff
from bot.domain import FileDiff, FileStatus

ZERO = "0" * 40


def raw(*entries: tuple[str, str, str, str]) -> bytes:
    """`--raw -z` of (old mode, new mode, letter, path or `old\\0new`)."""
    return "".join(f":{old} {new} {ZERO} {ZERO} {kind}\0{path}\0" for old, new, kind, path in entries).encode()


def one(patch: str, letter: str = "M", path: str = "a.py") -> FileDiff:
    (file,) = diff.parse(raw(("100644", "100644", letter, path)), patch.encode())
    return file


def patched(hunk: str) -> FileDiff:
    return one(f"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n{hunk}")


def test_added_and_commentable_lines_are_numbered_in_the_new_file() -> None:
    file = patched("@@ -3,4 +3,5 @@ def f():\n a\n-b\n+B\n+C\n c\n d\n")
    (hunk,) = file.hunks
    assert (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count) == (3, 4, 3, 5)
    assert hunk.added() == (4, 5)
    assert file.commentable() == {3, 4, 5, 6, 7}
    assert diff.changed_lines(file) == {4, 5}


def test_a_pure_deletion_changes_the_lines_beside_it() -> None:
    file = patched("@@ -1,4 +1,2 @@\n a\n-b\n-c\n d\n")
    assert diff.changed_lines(file) == {1, 2}
    (block,) = diff.blocks(file)
    assert (block.old, block.new, block.beside) == ((2, 3), (), (1, 2))


def test_a_deletion_at_the_start_or_the_end_has_one_neighbour() -> None:
    assert diff.changed_lines(patched("@@ -1,2 +1 @@\n-a\n b\n")) == {1}
    assert diff.changed_lines(patched("@@ -1,2 +1 @@\n a\n-b\n")) == {1}
    assert diff.changed_lines(patched("@@ -1 +0,0 @@\n-a\n")) == frozenset()


def test_runs_of_one_hunk_are_apart() -> None:
    file = patched("@@ -1,5 +1,5 @@\n-a\n+A\n b\n-c\n d\n+e\n f\n")
    assert [(b.old, b.new, b.beside) for b in diff.blocks(file)] == [
        ((1,), (1,), ()),
        ((3,), (), (2, 3)),
        ((), (4,), ()),
    ]


def test_a_missing_final_newline_is_no_line() -> None:
    file = patched("@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\\ No newline at end of file\n")
    assert diff.changed_lines(file) == {1, 2}
    assert file.commentable() == {1, 2}


def test_only_a_line_feed_ends_a_line() -> None:
    file = patched("@@ -1 +1,2 @@\n a\x0cb\u2028c\x85d\x1ce\r\n+second\r\n")
    assert [line.text for line in file.hunks[0].lines] == ["a\x0cb\u2028c\x85d\x1ce\r", "second\r"]
    assert diff.changed_lines(file) == {2}


def test_bytes_that_are_not_utf8_survive() -> None:
    patch = b"diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -0,0 +1 @@\n+# \xe9\n"
    (file,) = diff.parse(raw(("000000", "100644", "A", "a.py")), patch)
    assert file.hunks[0].lines[0].text.encode("utf-8", "surrogateescape") == b"# \xe9"


def test_content_that_looks_like_a_header_is_content() -> None:
    text = (
        "@@ -1 +1,4 @@\n--- a/x.py\n+++ b/x.py\n+@@ -1 +1 @@\n+diff --git a/y b/y\n+Binary files a and b differ\n"
    )
    file = patched(text)
    assert not file.binary
    assert file.hunks[0].lines[0].text == "-- a/x.py"
    assert diff.changed_lines(file) == {1, 2, 3, 4}


def test_names_come_from_the_raw_entries_alone() -> None:
    odd = 'a b/c "d"\t\u00e4\n.py'
    header = 'diff --git "a/x" "b/x"\nsimilarity index 90%\nrename from x\nrename to y\n--- "a/x"\n+++ "b/x"\n'
    patch = header + "@@ -0,0 +1 @@\n+x\n"
    (file,) = diff.parse(raw(("100644", "100755", "R090", f"old name.py\0{odd}")), patch.encode())
    assert (file.path, file.old_path, file.status, file.mode) == (odd, "old name.py", FileStatus.RENAMED, "100755")


def test_files_without_hunks() -> None:
    entries = raw(
        ("100644", "100755", "M", "mode.py"),
        ("000000", "100644", "A", "empty.py"),
        ("100644", "100644", "R100", "old.py\0new.py"),
        ("100644", "100644", "M", "data.bin"),
        ("100644", "000000", "D", "gone.py"),
    )
    patch = (
        "diff --git a/mode.py b/mode.py\nold mode 100644\nnew mode 100755\n"
        "diff --git a/empty.py b/empty.py\nnew file mode 100644\nindex 0..e\n"
        "diff --git a/old.py b/new.py\nsimilarity index 100%\nrename from old.py\nrename to new.py\n"
        "diff --git a/data.bin b/data.bin\nindex 1..2 100644\nBinary files a/data.bin and b/data.bin differ\n"
        "diff --git a/gone.py b/gone.py\ndeleted file mode 100644\n--- a/gone.py\n+++ /dev/null\n"
        "@@ -1 +0,0 @@\n-x\n"
    )
    files = diff.parse(entries, patch.encode())
    assert [(f.path, f.old_path, f.status.value, f.binary, f.mode, len(f.hunks)) for f in files] == [
        ("mode.py", "mode.py", "modified", False, "100755", 0),
        ("empty.py", None, "added", False, "100644", 0),
        ("new.py", "old.py", "renamed", False, "100644", 0),
        ("data.bin", "data.bin", "modified", True, "100644", 0),
        ("gone.py", "gone.py", "deleted", False, "100644", 1),
    ]


def test_a_change_of_type_has_both_its_parts() -> None:
    patch = (
        "diff --git a/k b/k\ndeleted file mode 100644\n--- a/k\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "diff --git a/k b/k\nnew file mode 120000\n--- /dev/null\n+++ b/k\n"
        "@@ -0,0 +1 @@\n+y\n\\ No newline at end of file\n"
        "diff --git a/z b/z\n--- a/z\n+++ b/z\n@@ -1 +1 @@\n-x\n+y\n"
    )
    files = diff.parse(raw(("100644", "120000", "T", "k"), ("100644", "100644", "M", "z")), patch.encode())
    assert [(f.path, f.status, f.mode, len(f.hunks)) for f in files] == [
        ("k", FileStatus.TYPE_CHANGED, "120000", 2),
        ("z", FileStatus.MODIFIED, "100644", 1),
    ]


def test_texts_that_do_not_belong_together_are_refused() -> None:
    entry = raw(("100644", "100644", "M", "a.py"))
    for entries, patch in (
        (entry, ""),
        (b"", "diff --git a/a b/a\n"),
        (entry, "diff --git a/a b/a\n@@ -1,2 +1 @@\n a\n"),
    ):
        with pytest.raises(ValueError):
            diff.parse(entries, patch.encode())
    with pytest.raises(ValueError, match="U"):
        diff.parse(raw(("100644", "100644", "U", "a.py")), b"")


def test_no_change_is_no_file() -> None:
    assert diff.parse(b"", b"") == ()
    assert diff.hunks("") == ()


LINES = st.lists(st.text(alphabet="ab\x0c\r\u2028\x85-+@ \\", max_size=4), max_size=6)


@given(LINES, LINES)
def test_new_lines_are_found_under_their_own_number(old: list[str], new: list[str]) -> None:
    body = "".join(f"-{line}\n" for line in old) + "".join(f"+{line}\n" for line in new)
    starts = (1 if old else 0, 1 if new else 0)
    found = diff.hunks(f"@@ -{starts[0]},{len(old)} +{starts[1]},{len(new)} @@\n{body}" if old or new else "")
    lines = [line for hunk in found for line in hunk.lines]
    assert [line.text for line in lines if line.new is not None] == new
    assert [line.new for line in lines if line.new is not None] == list(range(1, len(new) + 1))

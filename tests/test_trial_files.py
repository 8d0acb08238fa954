"""Further files in a side's tree: in its archive, in what is read of it, and in what the suite is run on."""

from __future__ import annotations

import io
import tarfile
from dataclasses import replace

import pytest
from engines import contents
from fake_engine import IMAGE, Tree

from bot.domain import SuitePlan
from bot.trial import Side, with_files

FILES = {"shop.py": "A = 1\n", "tests/test_shop.py": "def test_a(): pass\n"}
WITNESS = {"tests/test_tryline_0a.py": "def test_w(): assert '\u00e9'\n"}


def side(*paths: str) -> Side:
    tree = Tree({name: text.encode() for name, text in FILES.items()})
    return Side(tree, contents(FILES), IMAGE, SuitePlan(("-q",), paths, "pytest"))


def unpacked(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = [member for member in archive.getmembers() if member.isfile()]
        return {m.name: (archive.extractfile(m) or io.BytesIO()).read().decode() for m in members}


def test_files_are_added_and_nothing_else_changes() -> None:
    before = side()
    after = with_files(before, WITNESS)
    assert {**unpacked(after.contents.tar), **unpacked(after.contents.over_tar())} == {**FILES, **WITNESS}
    assert unpacked(before.contents.tar) == FILES and not before.contents.over
    assert after.files.paths() == sorted({**FILES, **WITNESS})
    assert after.files.read("tests/test_tryline_0a.py") == next(iter(WITNESS.values())).encode()
    assert after.files.read("shop.py") == b"A = 1\n"
    with pytest.raises(KeyError):
        after.files.read("gone.py")
    assert (after.image, after.plan) == (before.image, before.plan)


def test_without_files_a_side_stays_as_it_is() -> None:
    before = side()
    assert with_files(before, {}) is before


def test_files_can_be_added_twice() -> None:
    twice = with_files(with_files(side(), WITNESS), {"tests/test_tryline_0b.py": "x = 1\n"})
    assert len(unpacked(twice.contents.tar)) + len(twice.contents.over) == len(twice.files.paths()) == 4


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ((), ()),
        (("tests",), ("tests",)),
        (("./tests/",), ("./tests/",)),
        ((".",), (".",)),
        (("tests/test_shop.py",), ("tests/test_shop.py", "tests/test_tryline_0a.py")),
        (("tes",), ("tes", "tests/test_tryline_0a.py")),
    ],
)
def test_a_suite_that_is_run_by_paths_runs_them_too(paths: tuple[str, ...], expected: tuple[str, ...]) -> None:
    after = with_files(side(*paths), WITNESS)
    assert after.plan == replace(side().plan, paths=expected)

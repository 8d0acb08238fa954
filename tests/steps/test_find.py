"""What a change touched is found, function by function; what is left out is named with its reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from repositories import Repository

from bot.domain import ChangedFunction, Found, NotReviewed
from bot.errors import UsageError
from bot.languages.python.language import Python
from bot.steps.find import find, find_function
from bot.workspace import Workspace

SHOP = '''\
"""A shop."""

RATE = 2


class Basket:
    """Holds things."""

    size = 0

    @property
    def total(self):
        """Sum."""
        return self.size * RATE

    @total.setter
    def total(self, value):
        self.size = value

    def add(self, thing):
        def check(what):
            return what is not None

        if check(thing):
            self.size += 1
        return self.size


def ship(basket):
    weight = basket.total
    for _ in range(3):
        weight += 1
    return weight
'''


def look(
    repo: Repository,
    *,
    exclude: tuple[str, ...] = (),
    max_file_bytes: int = 100_000,
    only: str | None = None,
) -> Found:
    """What is found in the last commit, or in the working tree."""
    with Workspace.open(repo.path) as workspace:
        change = workspace.change(None, None)
        base, head = workspace.tree(change.base), workspace.tree(change.head)
        return find(change, base, head, [Python()], exclude=exclude, max_file_bytes=max_file_bytes, only=only)


def edited(repo: Repository, *edits: tuple[str, str], before: str = SHOP) -> Found:
    after = before
    for old, new in edits:
        assert after.count(old) == 1, old
        after = after.replace(old, new)
    repo.commit({"shop.py": before})
    repo.commit({"shop.py": after})
    return look(repo)


def names(found: Found) -> dict[str, str]:
    return {changed.head.qualname: changed.how for changed in found.functions}


def slugs(found: Found) -> dict[str, str]:
    assert all(left_out.reason.endswith(".") for left_out in found.not_reviewed)
    return {left_out.path: left_out.slug for left_out in found.not_reviewed}


def only_function(found: Found) -> ChangedFunction:
    (changed,) = found.functions
    return changed


def only_rest(found: Found) -> NotReviewed:
    (left_out,) = found.not_reviewed
    return left_out


# ------------------------------------------------------------------------------------------------ functions


def test_a_changed_line_names_its_function_and_its_counterpart(repo: Repository) -> None:
    found = edited(repo, ("range(3)", "range(4)"))
    changed = only_function(found)
    assert (changed.id, changed.how) == ("shop.py::ship", "modified")
    assert changed.changed_lines == (31,)
    assert "range(4)" in changed.head.source
    assert changed.base is not None
    assert "range(3)" in changed.base.source
    assert found.not_reviewed == ()


def test_the_innermost_function_wins(repo: Repository) -> None:
    assert names(edited(repo, ("what is not None", "what is None"))) == {"Basket.add.<locals>.check": "modified"}


def test_decorators_and_signatures_count(repo: Repository) -> None:
    found = edited(repo, ("def ship(basket):", "@cached\ndef ship(basket, fast=False):"))
    assert only_function(found).changed_lines == (29, 30)


def test_a_setter_is_told_from_its_getter(repo: Repository) -> None:
    assert names(edited(repo, ("self.size = value", "self.size = value + 1"))) == {"Basket.total@2": "modified"}


def test_another_definition_of_a_name_does_not_shift_the_counterparts(repo: Repository) -> None:
    before = "if a:\n    def f():\n        x = 1\n        return x\n"
    after = "if b:\n    def f():\n        y = [2]\n        return y, y\n" + before
    repo.commit({"shop.py": before})
    repo.commit({"shop.py": after})
    found = look(repo)
    assert [(c.head.start_line, c.how) for c in found.functions] == [(2, "added")]


def test_a_pure_deletion_touches_the_function_that_lost_the_line(repo: Repository) -> None:
    found = edited(repo, ("        weight += 1\n", "        pass\n"))
    assert names(found) == {"ship": "modified"}
    found = edited(repo, ("    for _ in range(3):\n        weight += 1\n", ""))
    changed = only_function(found)
    assert (changed.id, changed.changed_lines) == ("shop.py::ship", (30, 31))
    assert found.not_reviewed == ()


def test_a_deletion_at_the_end_of_one_function_does_not_touch_the_next(repo: Repository) -> None:
    before = "def f():\n    a()\n    b()\ndef g():\n    c()\n"
    found = edited(repo, ("    b()\n", ""), before=before)
    assert names(found) == {"f": "modified"}
    assert only_function(found).changed_lines == (2,)


def test_new_functions_are_added_and_have_no_base(repo: Repository) -> None:
    found = edited(repo, ("def ship(", "def pack(basket):\n    return list(basket)\n\n\ndef ship("))
    changed = only_function(found)
    assert (changed.head.qualname, changed.how, changed.base) == ("pack", "added", None)


def test_comments_docstrings_and_layout_are_not_reviewed(repo: Repository) -> None:
    found = edited(
        repo,
        ('"""Sum."""', '"""The sum."""'),
        ("weight = basket.total", "weight = (basket.total)  # heavy"),
    )
    assert found.functions == ()
    left_out = only_rest(found)
    assert (left_out.slug, left_out.symbol, left_out.lines) == ("comments-only", None, (13, 30))
    assert "`Basket.total` and `ship`" in left_out.reason


def test_lines_outside_of_functions_are_named_together(repo: Repository) -> None:
    found = edited(repo, ("RATE = 2", "RATE = 3\n\n# more"), ("size = 0", "size = 1"))
    left_out = only_rest(found)
    assert (left_out.slug, left_out.lines) == ("outside-functions", (3, 5, 11))
    assert "3 changed lines stand outside" in left_out.reason


def test_a_removed_import_is_a_line_outside(repo: Repository) -> None:
    assert slugs(edited(repo, ("RATE = 2\n", ""))) == {"shop.py": "outside-functions"}


def test_a_deleted_function_is_named(repo: Repository) -> None:
    found = edited(repo, (SHOP[SHOP.index("\n\ndef ship") :], ""))
    assert found.functions == ()
    assert {(n.slug, n.symbol) for n in found.not_reviewed} == {("deleted-function", "ship")}


# ---------------------------------------------------------------------------------------------------- moved


def test_a_function_that_moves_to_another_file_keeps_its_base(repo: Repository) -> None:
    ship = SHOP[SHOP.index("def ship") :]
    repo.commit({"shop.py": SHOP, "post.py": "X = 1\n"})
    repo.commit(
        {"shop.py": SHOP.replace(ship, ""), "post.py": "X = 1\n\n\n" + ship.replace("range(3)", "range(4)")}
    )
    found = look(repo)
    changed = only_function(found)
    assert (changed.id, changed.how) == ("post.py::ship", "moved")
    assert changed.base is not None
    assert changed.base.id == "shop.py::ship"
    assert "deleted-function" not in {n.slug for n in found.not_reviewed}


def test_a_function_of_a_deleted_file_is_found_where_it_went(repo: Repository) -> None:
    ship = SHOP[SHOP.index("def ship") :]
    repo.commit({"old.py": ship, "post.py": SHOP.replace(ship, "")})
    repo.commit({"old.py": None, "post.py": SHOP})
    found = look(repo)
    changed = only_function(found)
    assert (changed.how, changed.base.id if changed.base else None) == ("moved", "old.py::ship")
    assert slugs(found) == {"old.py": "deleted-file"}


def test_a_renamed_function_and_a_method_that_left_its_class_have_moved(repo: Repository) -> None:
    found = edited(repo, ("def ship(basket)", "def send(basket)"))
    assert only_function(found).how == "moved"
    assert found.not_reviewed == ()


def test_a_renamed_class_touches_no_method(repo: Repository) -> None:
    found = edited(repo, ("class Basket:", "class Cart:"))
    assert found.functions == ()
    assert slugs(found) == {"shop.py": "outside-functions"}


def test_short_functions_that_look_alike_have_not_moved(repo: Repository) -> None:
    before = "def a():\n    return 1\n"
    found = edited(repo, ("def a", "def b"), before=before)
    assert names(found) == {"b": "added"}
    assert [n.slug for n in found.not_reviewed] == ["deleted-function"]


def test_a_renamed_file_keeps_its_counterparts(repo: Repository) -> None:
    repo.commit({"shop.py": SHOP})
    repo.git("mv", "shop.py", "store.py")
    repo.commit({"store.py": SHOP.replace("range(3)", "range(4)")})
    changed = only_function(look(repo))
    assert (changed.id, changed.how) == ("store.py::ship", "modified")
    assert changed.base is not None
    assert changed.base.path == "shop.py"


# ------------------------------------------------------------------------------------------------- left out


def test_every_file_that_is_left_out_says_why(repo: Repository, tmp_path: Path) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"b.py": SHOP})
    repo.commit({"mode.py": SHOP, "gone.py": "X = 1\n", "moved.py": SHOP + "# moved\n", "kind.py": "X = 1\n"})
    repo.git("submodule", "--quiet", "add", str(other.path), "vendored.py")
    repo.git("mv", "moved.py", "renamed.py")
    (repo.path / "mode.py").chmod(0o755)
    (repo.path / "link.py").symlink_to("mode.py")
    (repo.path / "kind.py").unlink()
    (repo.path / "kind.py").symlink_to("mode.py")
    repo.commit(
        {
            "gone.py": None,
            "skip/me.py": SHOP,
            "notes.md": "x",
            "data.bin": b"\0",
            "tests/test_a.py": "def test_a(): pass\n",
            "big.py": "x = 1\n" * 20_000,
            "huge.py": b"x = 1\n" * 3_000_000,
            "nul.py": b"x = '\0'\n",
            "latin.py": b"x = '\xe9'\n",
            "empty.py": b"",
            "made.py": "# Code generated by hand. DO NOT EDIT.\ndef f(): return 1\n",
            "broken.py": "x = 1\n\ndef f(:\n    pass\n",
            "windows\u00e4.py": "def f():\r\n    return 1",
            "cyrillic.py": "# coding: koi8-r\ndef f():\n    return 'ж'\n".encode("koi8-r"),
        }
    )
    found = look(repo, exclude=("skip/",))
    assert slugs(found) == {
        ".gitmodules": "other-language",
        "vendored.py": "submodule",
        "mode.py": "mode-only",
        "renamed.py": "renamed-only",
        "link.py": "symlink",
        "kind.py": "symlink",
        "gone.py": "deleted-file",
        "skip/me.py": "excluded",
        "notes.md": "other-language",
        "data.bin": "binary",
        "tests/test_a.py": "test-file",
        "big.py": "too-large",
        "huge.py": "too-large",
        "nul.py": "binary",
        "latin.py": "undecodable",
        "empty.py": "empty-file",
        "made.py": "generated",
        "broken.py": "unparsable",
        "cyrillic.py": "outside-functions",
    }
    reasons = {n.path: n for n in found.not_reviewed}
    assert reasons["broken.py"].lines == (3,)
    assert "line 3" in reasons["broken.py"].reason
    assert sorted(changed.id for changed in found.functions) == ["cyrillic.py::f", "windows\u00e4.py::f"]


def test_a_base_that_did_not_parse_makes_its_functions_added(repo: Repository) -> None:
    repo.commit({"shop.py": "def f(:\n"})
    repo.commit({"shop.py": "def f():\n    return 1\n"})
    assert names(look(repo)) == {"f": "added"}


def test_a_base_that_was_too_large_makes_its_functions_added(repo: Repository) -> None:
    repo.commit({"shop.py": SHOP + "# much\n" * 1_000})
    repo.commit({"shop.py": SHOP.replace("range(3)", "range(4)")})
    assert names(look(repo, max_file_bytes=len(SHOP) + 10)) == {"ship": "added"}


def test_a_symlink_that_becomes_a_file_is_reviewed(repo: Repository) -> None:
    repo.write({"a.py": SHOP})
    (repo.path / "b.py").symlink_to("a.py")
    repo.commit()
    (repo.path / "b.py").unlink()
    repo.commit({"b.py": "def f():\n    return 1\n"})
    assert names(look(repo)) == {"f": "added"}


def test_crlf_and_a_missing_final_newline_shift_no_line(repo: Repository) -> None:
    before = SHOP.replace("\n", "\r\n").rstrip()
    found = edited(repo, ("return weight", "return -weight"), before=before)
    changed = only_function(found)
    assert changed.changed_lines == (33,)
    assert changed.head.source.endswith("return -weight")


def test_unrelated_histories_are_compared_file_by_file(repo: Repository) -> None:
    repo.commit({"shop.py": SHOP})
    repo.git("checkout", "--quiet", "--orphan", "island")
    repo.commit({"shop.py": SHOP.replace("range(3)", "range(4)")})
    with Workspace.open(repo.path) as workspace:
        change = workspace.change("main", None)
        base, head = workspace.tree(change.base), workspace.tree(change.head)
        found = find(change, base, head, [Python()], exclude=(), max_file_bytes=10_000)
    assert names(found) == {"ship": "modified"}


# ------------------------------------------------------------------------------------------------ selection


def test_one_function_of_the_change_can_be_asked_for(repo: Repository) -> None:
    edits = (("range(3)", "range(4)"), ("self.size += 1", "self.size += 2"))
    edited(repo, *edits)
    for target in ("shop.py::Basket.add", "./shop.py::Basket::add", "shop.py::add"):
        found = look(repo, only=target)
        assert names(found) == {"Basket.add": "modified"}
        assert [(n.slug, n.symbol) for n in found.not_reviewed] == [("not-selected", "ship")]
    with pytest.raises(UsageError) as caught:
        look(repo, only="shop.py::Basket.total")
    assert caught.value.slug == "not-changed"
    assert "shop.py::Basket.add" in caught.value.hint


def target(repo: Repository, text: str) -> ChangedFunction:
    with Workspace.open(repo.path) as workspace:
        return find_function(workspace.tree(workspace.revision("HEAD")), [Python()], text)


def test_a_function_is_found_by_file_and_name(repo: Repository) -> None:
    repo.commit({"src/shop.py": SHOP})
    changed = target(repo, "src/shop.py::ship")
    assert (changed.id, changed.base, changed.changed_lines) == ("src/shop.py::ship", None, (29, 30, 31, 32, 33))
    assert target(repo, "./src/shop.py::Basket::add").head.qualname == "Basket.add"
    assert target(repo, "src/shop.py::add").head.qualname == "Basket.add"
    assert target(repo, "src/shop.py::Basket.total@2").head.start_line == 16


@pytest.mark.parametrize(
    ("text", "slug", "hint"),
    [
        ("src/shop.py", "bad-target", "FILE::NAME"),
        ("src/shop.py::", "bad-target", "FILE::NAME"),
        ("shop.py::ship", "no-such-file", "src/shop.py"),
        ("src/shop.py::shp", "no-such-function", "src/shop.py::ship"),
        ("src/shop.py::run", "ambiguous-function", "src/shop.py::B.run"),
        ("src/broken.py::run", "unreadable-file", "correct"),
        ("notes.md::run", "no-such-function", "python"),
    ],
)
def test_what_names_no_function_is_refused_with_what_is_near(
    repo: Repository, text: str, slug: str, hint: str
) -> None:
    more = "\n\nclass A:\n    def run(self): pass\n\n\nclass B:\n    def run(self): pass\n"
    repo.commit({"src/shop.py": SHOP + more, "src/broken.py": "def run(:\n", "notes.md": ""})
    with pytest.raises(UsageError) as caught:
        target(repo, text)
    assert caught.value.slug == slug
    assert hint in caught.value.hint

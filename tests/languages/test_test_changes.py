"""Tests that ask less than before are told from tests that ask something else."""

from __future__ import annotations

import textwrap

import pytest

from bot.languages.python import test_changes as changes

BASE = """\
import pytest


def test_total():
    basket = make()
    assert basket.total == 3
    assert basket.count == 2


def helper():
    assert True
"""


def between(base: str | None, head: str | None) -> dict[str, tuple[str, str]]:
    def dedented(text: str | None) -> str | None:
        return None if text is None else textwrap.dedent(text)

    found = changes.between("tests/test_shop.py", dedented(base), dedented(head))
    assert {change.path for change in found} <= {"tests/test_shop.py"}
    return {change.name: (change.how, change.detail) for change in found}


def test_equal_tests_are_no_change_whatever_their_layout() -> None:
    assert between(BASE, BASE) == {}
    assert between(BASE, BASE.replace("    assert basket.count", "    # two\n\n    assert (basket).count")) == {}
    assert between(BASE, BASE.replace("assert True", "assert False")) == {}


def test_added_modified_and_deleted() -> None:
    head = BASE.replace("== 3", "== 4") + "\n\ndef test_new():\n    assert 1 == one()\n"
    assert between(BASE, head) == {"test_total": ("modified", ""), "test_new": ("added", "")}
    assert between(head, BASE)["test_new"] == ("deleted", "")
    assert between(None, BASE) == {"test_total": ("added", "")}
    assert between(BASE, None) == {"test_total": ("deleted", "")}
    assert between(None, None) == {}


def test_methods_are_named_as_pytest_names_them() -> None:
    base = """
    class TestA:
        class TestInner:
            async def test_b(self):
                self.assertEqual(f(), 1)
        def helper(self): ...
    """
    assert between(None, base) == {"TestA::TestInner::test_b": ("added", "")}


@pytest.mark.parametrize(
    ("old", "new", "detail"),
    [
        ("    assert basket.count == 2\n", "", "2 assertions became 1"),
        ("    assert basket.count == 2\n", "    assert True\n", "2 assertions became 1"),
        ("def test_total", "@pytest.mark.skip\ndef test_total", "marked skip"),
        ("def test_total", "@pytest.mark.xfail(strict=False)\ndef test_total", "marked xfail"),
        ("def test_total", "@unittest.skipIf(1, 'x')\ndef test_total", "marked skipIf"),
        ("import pytest\n", "import pytest\npytestmark = [pytest.mark.skip]\n", "marked skip"),
        ("    basket = make()\n", "    basket = make()\n    pytest.skip('later')\n", "calls pytest.skip"),
        ("    basket = make()\n", "    basket = make()\n    raise unittest.SkipTest\n", "calls unittest.SkipTest"),
        ("    basket = make()\n", "    basket = make()\n    if ci:\n        return\n", "returns early"),
        (
            "    assert basket.count == 2\n",
            "    try:\n        assert basket.count == 2\n    except AssertionError:\n        pass\n",
            "a failing assertion is now swallowed",
        ),
        (
            "    assert basket.count == 2\n",
            "    with suppress(Exception):\n        assert basket.count == 2\n",
            "a failing assertion is now swallowed",
        ),
    ],
)
def test_a_test_that_asks_less_is_weakened(old: str, new: str, detail: str) -> None:
    assert old in BASE
    assert between(BASE, BASE.replace(old, new, 1)) == {"test_total": ("weakened", detail)}
    assert between(BASE.replace(old, new, 1), BASE) == {"test_total": ("modified", "")}


def test_every_kind_of_assertion_counts() -> None:
    body = ["self.assertEqual(f(), 1)", "mock.assert_called_once()", "pytest.fail('x')", "assert_allclose(a, b)"]
    base = "def test_a():\n    with pytest.raises(ValueError):\n        f()\n" + "".join(
        f"    {line}\n" for line in body
    )
    for line in body:
        assert between(base, base.replace(f"    {line}\n", ""))["test_a"] == ("weakened", "5 assertions became 4")
    without = base.replace("with pytest.raises(ValueError)", "if True")
    assert between(base, without)["test_a"] == ("weakened", "5 assertions became 4")


def test_a_handler_that_fails_the_test_swallows_nothing() -> None:
    base = "def test_a():\n    f()\n    assert x\n"
    head = "def test_a():\n    try:\n        f()\n    except Exception:\n        pytest.fail('x')\n    assert x\n"
    assert between(base, head) == {"test_a": ("modified", "")}


def test_fewer_parameter_cases_are_weaker() -> None:
    marks = "@pytest.mark.parametrize('a', [1, 2, 3])\n@pytest.mark.parametrize('b', (1, 2))\n"
    base = marks + "def test_a(a, b):\n    assert a\n"
    assert between(base, base.replace("2, 3]", "2]")) == {"test_a": ("weakened", "6 parameter cases became 4")}
    assert between(base, base.replace("3]", "3, 4]")) == {"test_a": ("modified", "")}


def test_a_mark_on_the_class_weakens_its_tests() -> None:
    base = "class TestA:\n    def test_a(self):\n        assert x\n"
    assert between(base, "@pytest.mark.skip\n" + base) == {"TestA::test_a": ("weakened", "marked skip")}


def test_a_renamed_test_is_not_deleted() -> None:
    head = BASE.replace("test_total", "test_sum")
    assert between(BASE, head) == {"test_sum": ("modified", "renamed from test_total")}


def test_of_two_tests_with_one_name_the_later_counts() -> None:
    head = BASE + "\n\ndef test_total():\n    pass\n"
    assert between(BASE, head) == {"test_total": ("weakened", "2 assertions became 0")}


def test_a_side_that_does_not_parse_gives_no_changes() -> None:
    assert between(BASE, "def test_(:\n") == {}
    assert between("def test_(:\n", BASE) == {}

"""Stories: a branch that brings, changes, weakens or removes tests hears of that, too."""

from __future__ import annotations

import pytest
from telling import Author

pytestmark = pytest.mark.engine

MEAN = '''\
def mean(values):
    """The mean, 0 for nothing."""
    if not values:
        return 0
    return sum(values) / len(values)
'''
TEST_MEAN = """\
from mean import mean


def test_mean():
    assert mean([1, 2, 3]) == 2
    assert mean([1, 2]) == 1.5


def test_mean_of_nothing():
    assert mean([]) == 0


def test_mean_of_one():
    assert mean([5]) == 5
"""
AFTER = '''\
def mean(values):
    """The mean of what is no None, 0 for nothing."""
    values = [value for value in values if value]
    if not values:
        return 0
    return sum(values) / len(values)
'''
TEST_AFTER = """\
import pytest
from mean import mean


def test_mean():
    assert mean([1, 2, 3]) == 2


@pytest.mark.skip
def test_mean_of_nothing():
    assert mean([]) == 0


def test_mean_passes_over_none():
    assert mean([4, None, 2]) == 3


def test_mean_counts_zero():
    assert mean([4, 0, None]) == 2
"""


def test_a_new_test_that_fails_and_tests_that_say_less(author: Author) -> None:
    author.main({"mean.py": MEAN, "test_mean.py": TEST_MEAN})
    author.topic({"mean.py": AFTER, "test_mean.py": TEST_AFTER})
    told = author.review()

    finding = told.finding
    assert (finding["rule"], finding["severity"]) == ("tests/new-test-fails", "medium")
    assert finding["witness"]["tests"] == ["test_mean.py::test_mean_counts_zero"]
    assert "either may be wrong" in finding["message"]
    (row,) = [row for row in finding["verdict"]["matrix"] if row["test"].endswith("counts_zero")]
    assert (row["base"], row["head"], row["candidate"]) == (None, "failed", "passed")
    assert "if value is not None]" in author.accept(told.suggestion).decode()
    assert author.green()

    changes = {change["name"]: (change["how"], change["detail"]) for change in told.result["test_changes"]}
    assert changes["test_mean_of_nothing"] == ("weakened", "marked skip")
    assert changes["test_mean"] == ("weakened", "2 assertions became 1")
    assert changes["test_mean_of_one"] == ("deleted", "")
    assert changes["test_mean_counts_zero"] == ("added", "")
    told_of = told.stdout[told.stdout.index("Tests that this change weakens") :]
    for name in ("test_mean", "test_mean_of_nothing", "test_mean_of_one"):
        assert name.strip() in told.markdown
        assert f"{name}:" in told_of

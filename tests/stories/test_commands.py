"""Stories: other ways to ask, budgets that hold, and exit codes that a build can trust."""

from __future__ import annotations

import re

import pytest
from telling import Author, Files

pytestmark = pytest.mark.engine

TWO: Files = {
    "pair.py": """\
def first(values):
    return values[0]


def last(values):
    return values[-1]
""",
    "test_pair.py": """\
from pair import first, last


def test_first():
    assert first([1, 2, 3]) == 1


def test_last():
    assert last([1, 2, 3]) == 3
""",
}
BROKEN: Files = {"pair.py": str(TWO["pair.py"]).replace("[0]", "[1]").replace("[-1]", "[-2]")}


def test_fail_on_decides_the_exit_code(author: Author) -> None:
    author.main(TWO)
    author.topic(BROKEN)
    told = author.review("--fail-on", "high")
    assert {finding["function"] for finding in told.findings} == {"first", "last"}
    assert told.code == 1
    milder = author.review("--fail-on", "critical", "--function", "pair.py::last")
    assert milder.code == 0
    assert [finding["function"] for finding in milder.findings] == ["last"]
    assert ("pair.py", "first", "not-selected") in [
        (row["path"], row["symbol"], row["slug"]) for row in milder.result["not_reviewed"]
    ]


def test_what_is_not_committed_is_reviewed_too(author: Author) -> None:
    author.main(TWO)
    author.repo.write({"pair.py": str(TWO["pair.py"]).replace("[-1]", "[-2]")})
    told = author.run("review")
    assert told.result["change"]["head"]["commit"] is None
    assert told.finding["function"] == "last"
    before = author.repo.git("status", "--porcelain")
    author.accept(told.suggestion)
    assert before.split() == ["M", "pair.py"]
    assert author.green()


def test_try_works_on_one_function_without_a_base(author: Author) -> None:
    author.main({**TWO, **BROKEN})
    told = author.run("try", "pair.py::last")
    assert told.finding["function"] == "last"
    assert told.suggestion["label"] == "rewrite"
    author.accept(told.suggestion)
    assert author.green("test_pair.py::test_last")
    unknown = author.run("try", "pair.py::middle")
    assert unknown.code == 2
    assert "(no-such-function; see docs/errors.md)" in unknown.stderr


def test_a_budget_of_functions_lists_the_rest(author: Author) -> None:
    author.main(TWO)
    author.topic(
        {"pair.py": str(BROKEN["pair.py"]).replace("def last(values):\n", "def last(values):\n    # the end\n")},
    )
    told = author.review("--budget", "functions=1")
    assert len(told.result["functions"]) == 1
    (row,) = [row for row in told.result["not_reviewed"] if row["slug"] == "over-budget"]
    kept = told.result["functions"][0]["function"]
    assert {kept, row["symbol"]} == {"first", "last"}
    assert "budget.functions" in told.stdout
    assert told.finding["function"] == kept
    # What the function beyond the budget breaks is not hidden.
    assert "unexplained" in {problem["slug"] for problem in told.result["problems"]}


HARD = """\
def code(text):
    value = 7
    for letter in text:
        value = (value * 31 + ord(letter)) % 1009
    return value
"""
TEST_HARD = """\
from hard import code


def test_code():
    assert code("tea") == 684


def test_empty():
    assert code("") == 7


def test_another():
    assert code("coffee") == 100
"""


def hard(author: Author) -> None:
    """A function whose repair no short edit is: base computes something else altogether."""
    right = HARD.replace("value * 31 + ord(letter)", "value * 17 + 3 * ord(letter) + len(text)")
    space: dict[str, int] = {}
    for word in ("tea", "coffee"):
        value = 7
        for letter in word:
            value = (value * 17 + 3 * ord(letter) + len(word)) % 1009
        space[word] = value
    test = TEST_HARD.replace("684", str(space["tea"])).replace("100", str(space["coffee"]))
    author.main({"hard.py": right, "test_hard.py": test})
    author.topic({"hard.py": HARD})


def test_a_budget_of_candidates_ends_the_search_and_says_so(author: Author) -> None:
    hard(author)
    told = author.review("--budget", "candidates=20")
    search = told.finding["search"]
    assert search["executions"] <= 30  # the last resort, putting the change back, may have ten more
    if told.finding["suggestion"] is None:
        assert "budget of trials" in told.finding["why_no_suggestion"]
    else:
        assert told.suggestion["label"] == "revert"


def test_a_budget_of_seconds_ends_the_review_on_time_and_says_so(author: Author) -> None:
    hard(author)
    told = author.review("--budget", "seconds=0.5")
    assert told.finding["suggestion"] is None
    assert "budget.seconds" in told.finding["why_no_suggestion"]
    assert "budget.seconds" in told.stdout
    assert told.result["costs"]["candidates"] == 0


def test_a_replay_of_nothing_known_is_refused(author: Author) -> None:
    author.main(TWO)
    told = author.run("replay", "0123456789ab")
    assert told.code == 2
    assert re.search(r"\(result-unknown; see docs/errors.md\)", told.stderr)

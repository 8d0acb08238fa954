"""Stories: nothing was broken, or nothing could be said; the second is never shown as the first."""

from __future__ import annotations

import pytest
from telling import Author, Files

pytestmark = pytest.mark.engine

DOUBLE: Files = {
    "double.py": "def double(number):\n    return number * 2\n",
    "test_double.py": "from double import double\n\n\ndef test_double():\n    assert double(2) == 4\n",
}
HARMLESS: Files = {"double.py": "def double(number):\n    return number + number\n"}


def test_nothing_is_broken(author: Author) -> None:
    author.main(DOUBLE)
    author.topic(HARMLESS)
    told = author.review("--fail-on", "low")
    assert (told.code, told.result["conclusion"]) == (0, "clean")
    assert told.result["functions"][0]["tests"] == 1
    assert "found nothing in 1 changed function" in told.stdout


def test_a_test_that_was_red_before_is_told_and_not_held_against_the_change(author: Author) -> None:
    wrong = "\n\ndef test_text():\n    assert double('a') == 'a'\n\n\ndef test_other():\n    assert 1 == 2\n"
    author.main({**DOUBLE, "test_double.py": f"{DOUBLE['test_double.py']!s}{wrong}"})
    author.topic(HARMLESS)
    told = author.review()
    assert (told.code, told.result["conclusion"]) == (0, "clean")
    words = "1 test that executes changed functions failed at base already and still fails"
    assert words in told.stdout
    assert "test_double.py::test_text." in told.stdout and "test_other" not in told.stdout


def test_nothing_to_review_starts_no_container(author: Author) -> None:
    author.main(DOUBLE)
    author.topic({"README.md": "Doubles numbers.\n"})
    told = author.review()
    assert (told.code, told.result["conclusion"]) == (0, "nothing-to-review")
    assert told.result["costs"]["containers"] == 0
    assert [(row["path"], row["slug"]) for row in told.result["not_reviewed"]] == [("README.md", "other-language")]
    assert "README.md" in told.stdout


HANG = "import time\n\ntime.sleep(600)\n"
FLOOD = "import os\n\n\ndef test_flood():\n    while True:\n        os.write(1, b'x' * 100000)\n"


@pytest.mark.parametrize(
    ("also", "slug", "words"),
    [
        ({"conftest.py": "import nowhere_to_be_found\n"}, "runner", "No module named 'nowhere_to_be_found'"),
        ({"test_double.py": "VALUE = 1\n"}, "no-tests", "pytest collected no tests"),
        ({"tox.ini": "[pytest]\naddopts = --no-such-option\n"}, "runner", "unrecognized arguments"),
        ({"test_hang.py": HANG}, "timeout", "did not end within 5 s"),
        ({"test_exit.py": "import os\n\nos._exit(0)\n"}, "no-report", "without reporting its end"),
        ({"test_flood.py": FLOOD}, "output-flood", "more than 64 MB"),
    ],
    ids=["conftest", "no-tests", "option", "hang", "exit", "flood"],
)
def test_a_suite_that_does_not_run_is_neutral(author: Author, also: Files, slug: str, words: str) -> None:
    author.main({**DOUBLE, **also})
    author.topic(HARMLESS)
    told = author.review("--set", "test.seconds=5")
    assert (told.code, told.result["conclusion"]) == (3, "neutral")
    assert slug in {problem["slug"] for problem in told.result["problems"]}
    assert "this is not a pass" in told.stdout
    assert words in told.stdout
    assert "Could not review" in told.markdown


SPOILT = """\
import pathlib

from double import double

SEEN = []


def test_double():
    SEEN.append(2)
    assert double(2) == 4


def test_needs_a_fresh_start():
    spoilt = SEEN and pathlib.Path("spoils").exists()
    assert double(1) == 2 and not spoilt
"""


def test_a_flaky_test_accuses_nobody(author: Author) -> None:
    """At head it fails behind another test only: what differs between two runs of the same code proves nothing."""
    author.main({**DOUBLE, "test_double.py": SPOILT})
    author.topic({**HARMLESS, "spoils": ""})
    told = author.review()
    assert told.result["suite"]["head"] == {"passed": 1, "failed": 1}
    assert told.result["flaky"] == ["test_double.py::test_needs_a_fresh_start"]
    assert told.result["findings"] == []
    assert "test_needs_a_fresh_start" in told.stdout


LIMITED: Files = {
    "limited.py": "LIMIT = 10\n\n\ndef double(number):\n    return min(LIMIT, number * 2)\n",
    "test_limited.py": """\
import limited


def test_double():
    assert limited.double(2) == 4


def test_limit():
    assert limited.double(7) == 10
""",
    "test_other.py": "def test_other():\n    pass\n",
}


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("LIMIT = 10", "LIMIT = 11", "test_limited.py::test_limit passes at base and fails at head"),
        ("LIMIT = 10", "from nowhere import LIMIT", "test_limited.py passes at base and fails at head"),
        ("number * 2)", "number * )", "test_limited.py passes at base and fails at head"),
        (
            "LIMIT = 10\n\n\ndef double(number):\n    return min(LIMIT, number * 2)\n",
            "LIMIT = 10\n",
            "and 1 more pass at base",
        ),
    ],
    ids=["constant", "import", "syntax", "deleted"],
)
def test_a_branch_that_breaks_tests_outside_of_functions_is_no_pass(
    author: Author, old: str, new: str, broken: str
) -> None:
    author.main(LIMITED)
    author.topic({"limited.py": str(LIMITED["limited.py"]).replace(old, new)})
    told = author.review()
    assert (told.code, told.result["conclusion"]) == (3, "neutral")
    (problem,) = told.result["problems"]
    assert problem["slug"] == "unexplained"
    assert broken in problem["message"]
    assert "by no reviewed function alone" in told.stdout


def test_a_function_is_not_accused_of_what_a_constant_does(author: Author) -> None:
    author.main(LIMITED)
    after = str(LIMITED["limited.py"]).replace("number * 2", "number + number")
    author.topic({"limited.py": after.replace("LIMIT = 10", "LIMIT = 11")})
    told = author.review()
    assert told.result["findings"] == []
    assert [problem["slug"] for problem in told.result["problems"]] == ["unexplained"]
    assert told.code == 3


def test_a_harmless_change_outside_of_functions_leaves_nothing_to_review(author: Author) -> None:
    author.main(LIMITED)
    author.topic({"limited.py": str(LIMITED["limited.py"]).replace("LIMIT = 10", "LIMIT = 5 + 5")})
    told = author.review()
    assert (told.code, told.result["conclusion"]) == (0, "nothing-to-review")
    assert told.result["suite"]["head"] == {"passed": 3}


def test_an_unexecuted_function_is_no_pass(author: Author) -> None:
    author.main({**LIMITED, "test_limited.py": "def test_nothing():\n    pass\n"})
    author.topic({"limited.py": str(LIMITED["limited.py"]).replace("number * 2", "number * 3")})
    told = author.review()
    assert (told.code, told.result["conclusion"]) == (3, "neutral")
    assert [problem["slug"] for problem in told.result["problems"]] == ["not-executed"]
    assert told.result["functions"][0]["unexecuted_lines"] == [5]


def test_red_at_base_too_is_no_finding(author: Author) -> None:
    broken = "\n\ndef test_never_worked():\n    assert limited.double(1) == 3\n"
    author.main({**LIMITED, "test_limited.py": str(LIMITED["test_limited.py"]) + broken})
    author.topic({"limited.py": str(LIMITED["limited.py"]).replace("number * 2", "number + number")})
    told = author.review()
    assert told.result["suite"]["base"] == told.result["suite"]["head"] == {"passed": 3, "failed": 1}
    assert (told.code, told.result["conclusion"], told.result["findings"]) == (0, "clean", [])


def test_dependencies_that_cannot_be_installed_are_said_and_the_rest_goes_on(author: Author) -> None:
    author.main({**DOUBLE, "requirements.txt": "tryline-there-is-no-such-distribution==9.9\n"})
    author.topic({"double.py": "def double(number):\n    return number * 3\n"})
    told = author.review()
    assert "install" in {problem["slug"] for problem in told.result["problems"]}
    assert "tryline-there-is-no-such-distribution" in told.stdout
    assert told.finding["function"] == "double"

"""Stories: green tests, and a branch that crashes, opens a door, or takes longer all the same."""

from __future__ import annotations

import pytest
from telling import EVERYTHING, Author

pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(240)]

TOOLS = '''\
"""Small tools."""

import shlex
import subprocess


def count_lines(path):
    out = subprocess.run("wc -l " + shlex.quote(path), shell=True, capture_output=True, text=True)
    return int((out.stdout.split() or ["0"])[0])


def average(values):
    if not values:
        return 0
    return sum(values) / len(values)


def unique(items):
    seen = set()
    out = []
    for item in items:
        if item not in seen:
            seen.add(item)
            out.append(item)
    return out


def label(name, width=10):
    return name.strip().ljust(width)
'''
TESTS = """\
from app import tools


def test_count(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("1\\n2\\n")
    assert tools.count_lines(str(path)) in (0, 2)  # where there is no `wc`, too


def test_average():
    assert tools.average([1, 2, 3]) == 2


def test_unique():
    assert tools.unique([3, 1, 3, 2, 1]) == [3, 1, 2]


def test_label():
    assert tools.label(" x ", 3) == "x  "
"""
FILES = {"app/__init__.py": "", "app/tools.py": TOOLS, "tests/test_tools.py": TESTS}


def test_what_no_test_notices_is_shown_by_running(author: Author) -> None:
    author.main(FILES)
    head = TOOLS.replace('"wc -l " + shlex.quote(path)', "f\"wc -l '{path}'\"")
    head = head.replace(
        "    if not values:\n        return 0\n    return sum(values) / len(values)\n",
        "    total = 0\n    for value in values:\n        total += value\n    return total / len(values)\n",
    )
    head = (
        head.replace("    seen = set()\n", "")
        .replace("            seen.add(item)\n", "")
        .replace("in seen", "in out")
    )
    head = head.replace(
        "    return name.strip().ljust(width)", "    text = name.strip()\n    return text.ljust(width)"
    )
    author.topic({"app/tools.py": head})
    assert author.green(), "no test of the repository sees any of it"
    told = author.review(**EVERYTHING)
    by_function = {finding["function"]: finding for finding in told.findings}
    assert {name: finding["rule"] for name, finding in by_function.items()} == {
        "count_lines": "security/command-injection",
        "average": "behaviour/new-crash",
        "unique": "performance/growth",
    }
    door, crash, slow = (by_function[name] for name in ("count_lines", "average", "unique"))

    assert (door["cwe"], door["category"], door["witness"]["kind"]) == (78, "security", "attack")
    assert "zq7hit" in door["witness"]["payload"]
    assert [frame["function"] for frame in door["witness"]["stack"]] == ["count_lines"]
    assert "https://cwe.mitre.org/data/definitions/78.html" in told.markdown

    assert "ZeroDivisionError" in crash["title"]
    assert "average([])" in crash["message"]
    assert "assert" in crash["witness"]["code"]

    measured = slow["witness"]["measured"]
    assert measured["low"] > 2
    assert measured["repeats"] == 2
    assert measured["low"] <= measured["ratio"] <= measured["high"]

    for finding in (door, crash, slow):
        assert finding["suggestion"] is not None, finding["why_no_suggestion"]
        assert finding["verdict"]["accepted"]
        assert {row["check"]: row["ok"] for row in finding["verdict"]["judgements"]}["not-slower"]
    assert "shell=True" not in door["suggestion"]["replacement"] or "quote" in door["suggestion"]["replacement"]
    report = {row["function"]: row for row in told.result["functions"]}
    assert [row["kind"] for row in report["average"]["differences"]] == ["crash"]
    assert not report["label"]["differences"]
    assert report["label"]["compared"] > 50


def test_changes_that_change_nothing_are_met_with_silence(author: Author) -> None:
    author.main(FILES)
    head = TOOLS.replace("out = subprocess.run(", "done = subprocess.run(").replace("out.stdout", "done.stdout")
    head = head.replace("    if not values:\n        return 0\n", "    if len(values) == 0:\n        return 0\n")
    head = head.replace(
        "    seen = set()\n    out = []\n    for item in items:\n        if item not in seen:\n"
        "            seen.add(item)\n            out.append(item)\n    return out\n",
        "    return list(dict.fromkeys(items))\n",
    )
    head = head.replace("def label(name, width=10):", "def label(name: str, width: int = 10) -> str:")
    author.topic({"app/tools.py": head})
    told = author.review(**EVERYTHING)
    assert told.findings == []
    assert told.result["conclusion"] == "clean"
    assert [row["differences"] for row in told.result["functions"] if row["differences"]] == []

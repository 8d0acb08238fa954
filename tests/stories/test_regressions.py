"""Stories: a branch breaks something, and its author reads what, where, and a proven line to put it right."""

from __future__ import annotations

import pytest
from telling import Author, Told

pytestmark = pytest.mark.engine

BASKET = '''\
"""A basket."""


class Basket:
    """What is in it."""

    def __init__(self):
        self.lines = []

    def add(self, name, price, quantity=1):
        self.lines.append((name, price, quantity))

    def total(self, percent=0):
        """Price of everything, less a discount."""
        total = 0
        for _, price, quantity in self.lines:
            total += price * quantity
        if percent >= 10:
            total -= total * percent // 100
        return total
'''
TEST_BASKET = """\
from shop.basket import Basket


def filled():
    basket = Basket()
    basket.add("tea", 450, 2)
    basket.add("cup", 100)
    return basket


def test_empty():
    assert Basket().total() == 0


def test_total():
    assert filled().total() == 1000


def test_discount():
    assert filled().total(10) == 900
    assert filled().total(50) == 500


def test_no_discount_below_ten():
    assert filled().total(9) == 1000
"""
SHOP = {"shop/__init__.py": "", "shop/basket.py": BASKET, "tests/test_basket.py": TEST_BASKET}
SUMMED = "        total = sum(price * quantity for _, price, quantity in self.lines)\n"
SLIP = BASKET.replace(
    """\
        total = 0
        for _, price, quantity in self.lines:
            total += price * quantity
        if percent >= 10:
""",
    SUMMED + "        if percent > 10:\n",
)


def steps_of(told: Told) -> list[tuple[object, ...]]:
    """The search of a review without times and memory: what must not differ between two runs."""
    return [
        (
            step["line"],
            step["text"],
            step["suspiciousness"],
            step["chosen"],
            [
                (trial["operator"], trial["function_source"], trial["result"]["status"], trial["merged_into"])
                for trial in step["trials"]
            ],
        )
        for step in told.finding["search"]["steps"]
    ]


def test_a_slip_beside_a_harmless_change(author: Author) -> None:
    author.main(SHOP)
    author.topic({"shop/basket.py": SLIP})
    told = author.review()

    assert told.code == 0  # nobody asked to fail on findings
    assert told.result["conclusion"] == "findings"
    finding = told.finding
    assert (finding["path"], finding["function"], finding["rule"]) == (
        "shop/basket.py",
        "Basket.total",
        "tests/regression",
    )
    slip = SLIP.split("\n").index("        if percent > 10:") + 1
    assert finding["start_line"] <= slip <= finding["end_line"]
    assert finding["witness"]["tests"] == ["tests/test_basket.py::test_discount"]
    assert "percent=10)` returns 1000" in finding["message"]

    suggestion = told.suggestion
    assert (suggestion["label"], suggestion["is_revert"]) == ("rewrite", False)
    assert (suggestion["start_line"], suggestion["end_line"]) == (slip, slip)
    assert suggestion["replacement"] == "        if percent >= 10:\n"
    matrix = {row["test"]: (row["base"], row["head"], row["candidate"]) for row in finding["verdict"]["matrix"]}
    assert matrix["tests/test_basket.py::test_discount"] == ("passed", "failed", "passed")
    assert matrix["tests/test_basket.py::test_empty"] == ("passed", "passed", "passed")
    assert finding["verdict"]["accepted"] and finding["verdict"]["tests_run"] == 4
    assert "```suggestion\n        if percent >= 10:\n```" in told.markdown
    assert f"tryline replay {finding['id']}" in told.stdout

    assert not author.green()
    accepted = author.accept(suggestion)
    assert accepted.decode() == SLIP.replace("percent > 10", "percent >= 10")
    assert SUMMED in accepted.decode()  # the author's own simplification stays
    assert author.green()

    replayed = author.run("replay", finding["id"])
    assert replayed.code == 0
    assert "Verdict: accepted" in replayed.stdout


def test_the_same_review_twice_says_the_same(author: Author) -> None:
    author.main(SHOP)
    author.topic({"shop/basket.py": SLIP})
    first, second = author.review(), author.review()
    assert first.result["id"] != second.result["id"]
    assert steps_of(first) == steps_of(second)
    timeless = ("id", "message", "title", "start_line", "end_line", "suspicious_lines")
    assert [first.finding[key] for key in timeless] == [second.finding[key] for key in timeless]
    same = ("path", "start_line", "end_line", "replacement", "edits", "logprob", "label", "agreement")
    assert [first.suggestion[key] for key in same] == [second.suggestion[key] for key in same]
    assert first.finding["verdict"]["matrix"] == second.finding["verdict"]["matrix"]


WORDS = {
    "words.py": """\
def clean(text):
    words = text.strip().split()
    return words


def initials(text):
    letters = []
    for word in clean(text):
        letters.append(word[0].upper())
    return "".join(letters)
""",
    "test_words.py": """\
from words import clean, initials


def test_clean():
    assert clean(" a  b ") == ["a", "b"]


def test_initials():
    assert initials("ada king lovelace") == "AKL"


def test_initials_of_one():
    assert initials("ada") == "A"
""",
}


def test_of_two_changed_functions_the_guilty_one_is_named(author: Author) -> None:
    author.main(WORDS)
    innocent = "def clean(text):\n    return text.split()\n"
    after = WORDS["words.py"].replace(
        "def clean(text):\n    words = text.strip().split()\n    return words\n", innocent
    )
    author.topic({"words.py": after.replace("in clean(text):", "in clean(text)[1:]:")})
    told = author.review()
    assert {f["function"]: f["tests"] for f in told.result["functions"]} == {"clean": 3, "initials": 2}
    assert told.finding["function"] == "initials"
    assert len(told.finding["witness"]["tests"]) == 2
    accepted = author.accept(told.suggestion).decode()
    assert innocent in accepted
    assert author.green()


def test_the_guilty_one_may_be_the_helper(author: Author) -> None:
    author.main(WORDS)
    after = WORDS["words.py"].replace("text.strip().split()", 'text.strip().split(" ")[:2]')
    harmless = after.replace('    return "".join(letters)', '    text = "".join(letters)\n    return text')
    author.topic({"words.py": harmless})
    told = author.review()
    assert told.finding["function"] == "clean"
    assert author.accept(told.suggestion).decode().endswith('    text = "".join(letters)\n    return text\n')
    assert author.green()


NUMBERS = {
    "numbers_.py": '''\
def mean(values):
    """The mean, 0 for nothing."""
    if not values:
        return 0
    return sum(values) / len(values)


def digits(number):
    """Digits of a number, last first."""
    found = []
    while number > 0:
        found.append(number % 10)
        number //= 10
    return found
''',
    "test_numbers.py": """\
from numbers_ import digits, mean


def test_mean():
    assert mean([1, 2, 3]) == 2


def test_mean_of_nothing():
    assert mean([]) == 0


def test_digits():
    assert digits(120) == [0, 2, 1]


def test_no_digits():
    assert digits(0) == []
""",
}


def test_a_new_exception(author: Author) -> None:
    author.main(NUMBERS)
    hasty = "    count = len(values)\n    if values is None:\n        return 0\n    return sum(values) / count\n"
    careful = "    if not values:\n        return 0\n    return sum(values) / len(values)\n"
    author.topic({"numbers_.py": NUMBERS["numbers_.py"].replace(careful, hasty)})
    told = author.review()
    assert told.finding["rule"] == "tests/crash"
    assert told.finding["title"] == "`mean` now raises ZeroDivisionError"
    assert "`mean(values=[])` raises ZeroDivisionError" in told.finding["message"]
    assert told.suggestion["label"] == "rewrite"
    assert b"    count = len(values)\n" in author.accept(told.suggestion)
    assert author.green()


def test_an_endless_loop_is_cut_short_named_and_repaired(author: Author) -> None:
    author.main(NUMBERS)
    author.topic({"numbers_.py": NUMBERS["numbers_.py"].replace("number > 0", "number >= 0")})
    told = author.review()
    assert told.finding["function"] == "digits"
    assert told.result["suite"]["head"] == {"passed": 2, "timeout": 2}
    assert {row["head"] for row in told.finding["verdict"]["matrix"]} == {"timeout"}
    author.accept(told.suggestion)
    assert author.green()
    assert told.seconds < 60  # two endless tests, each seen several times


EXCERPT = {
    "text.py": '''\
def excerpt(text, width, mark="..."):
    """The first words of a text, at most `width` characters of them, and a mark where something was cut."""
    if len(text) <= width:
        return text
    kept = []
    used = 0
    for word in text.split(" "):
        if used + len(word) > width:
            break
        kept.append(word)
        used += len(word) + 1
    return " ".join(kept) + mark
''',
    "test_text.py": """\
from text import excerpt


def test_short():
    assert excerpt("one two", 10) == "one two"


def test_exact():
    assert excerpt("one two", 7) == "one two"


def test_cut():
    assert excerpt("one two three", 9) == "one two..."


def test_cut_at_a_word():
    assert excerpt("one two three", 7) == "one two..."


def test_mark():
    assert excerpt("one two three", 5, "!") == "one!"
""",
}


def test_two_slips_in_one_function_are_both_repaired(author: Author) -> None:
    author.main(EXCERPT)
    author.topic(
        {
            "text.py": EXCERPT["text.py"]
            .replace("<= width", "< width")
            .replace("> width", ">= width")
            .replace('split(" ")', "split()")
            .replace("    kept = []\n    used = 0\n", "    kept, used = [], 0\n")
        }
    )
    told = author.review()
    assert told.finding["function"] == "excerpt"
    assert len(told.finding["witness"]["tests"]) == 2
    assert told.suggestion["label"] == "rewrite"
    assert len(told.suggestion["edits"]) == 2
    assert told.finding["search"]["executions"] <= 400
    assert b"text.split():" in author.accept(told.suggestion)
    assert author.green()


RENAMED = """\
def {name}(items):
    result = []
    for item in items:
        if item not in result:
            result.append(item)
    return result
"""


def test_a_renamed_function_is_held_against_what_it_was(author: Author) -> None:
    test = "from names import {name}\n\n\ndef test_order():\n    assert {name}([3, 1, 3]) == [3, 1]\n"
    author.main({"names.py": RENAMED.format(name="once"), "test_names.py": test.format(name="once")})
    author.topic(
        {
            "names.py": RENAMED.format(name="distinct").replace("not in", "in"),
            "test_names.py": test.format(name="distinct"),
        }
    )
    told = author.review()
    assert told.result["problems"] == []
    assert told.finding["function"] == "distinct"
    assert b"if item not in result:" in author.accept(told.suggestion)
    assert author.green()

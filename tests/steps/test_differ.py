"""Base and head called with the same arguments in a real sandbox: what differs, what is suspected, what is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from engines import ARGS, contents, docker_backend, prepared

from bot import trial
from bot.domain import ChangedFunction, Evidence, Limits, SuitePlan
from bot.languages.python.language import Python
from bot.progress import Silent
from bot.steps import differ, observe, prove
from bot.steps.witness import run_witnesses

pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(240)]

PYTHON = Python()
PATH = "shop/cart.py"
LIMITS = Limits(memory_mb=384, processes=64, workspace_mb=48, tmp_mb=32)
BASE = '''\
"""Carts."""

import time
import random


def largest(prices):
    if not prices:
        return 0
    return max(prices)


def rounded(price):
    return round(price * 1.19, 2)


def shipping(weight):
    return 5 if weight < 10 else 9


def doubled(items):
    found = []
    for item in items:
        found.append(item * 2)
    return found


def label(name, size=3):
    text = name.strip()
    return text.upper()[:size]


def stamp(order):
    return (order, time.time())


def lot(order):
    return order + random.random()


def halves(number):
    steps = []
    while number > 0:
        steps.append(number)
        number //= 2
    return steps


def age(years):
    return years if years > 0 else 0


def evens(limit):
    for number in range(limit):
        if number % 2 == 0:
            yield number


async def fetch(key):
    return {"key": key}


def drained(queue):
    total = 0
    while queue:
        total += queue.pop()
    return total


def mean(numbers):
    return sum(numbers) / len(numbers) if numbers else float("nan")


def tags(text):
    return set(text.split(","))


def price_of(entry):
    return entry.get("price", 0) * entry["count"]


class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return Point(self.x + by)

    def scaled(self, by):
        return self.x // by if by else 0


def _first(words):
    return words[0] if words else ""


def initials(words):
    return _first(words)


def parse(text):
    try:
        return int(text)
    except ValueError:
        return None


def report(rows):
    return len(rows)
'''
HEAD = '''\
"""Carts."""

import time
import random


def largest(prices):
    return sorted(prices)[-1]


def rounded(price):
    return round(price * 1.19, 1)


def shipping(weight):
    return 5 if weight < 20 else 9


def doubled(things):
    return [thing * 2 for thing in things]


def label(name, size=3):
    return _clean(name).upper()[:size]


def _clean(name):
    return name.strip()


def stamp(order):
    now = time.time()
    return (order, now)


def lot(order):
    chance = random.random()
    return order + chance


def halves(number):
    steps = []
    while number > 0:
        steps.append(number)
        number -= number // 2
    return steps


def age(years):
    if years < 0:
        raise ValueError("years")
    return years if years > 0 else 0


def evens(limit):
    yield from (number for number in range(limit) if not number % 2)


async def fetch(key):
    answer = {"key": key}
    return answer


def drained(queue):
    total = sum(queue)
    return total


def mean(numbers):
    if not numbers:
        return float("nan")
    return sum(numbers) / len(numbers)


def tags(text):
    return {part for part in text.split(",")}


def price_of(entry):
    return entry["price"] * entry["count"]


class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        new = self.x + by
        return Point(new)

    def scaled(self, by):
        return self.x // by


def _first(words):
    return words[0]


def initials(words):
    return _first(words) if words else ""


def parse(text):
    return int(text)


def report(rows):
    if len(rows) > 100:
        return sumarise(rows)
    return len(rows)
'''
TESTS = """\
import asyncio

from shop import cart


def test_largest():
    assert cart.largest([1, 3, 2]) == 3


def test_rounded():
    assert cart.rounded(1.0) < 2


def test_shipping():
    assert cart.shipping(15) == 9


def test_doubled():
    assert cart.doubled([1, 2]) == [2, 4]


def test_label():
    assert cart.label(" milk ") == "MIL"


def test_stamp():
    assert cart.stamp(3)[0] == 3


def test_lot():
    assert cart.lot(3) >= 3


def test_halves():
    assert cart.halves(0) == []


def test_age():
    assert cart.age(4) == 4


def test_evens():
    assert list(cart.evens(5)) == [0, 2, 4]


def test_fetch():
    assert asyncio.run(cart.fetch("a")) == {"key": "a"}


def test_drained():
    assert cart.drained([1, 2]) == 3


def test_mean():
    assert cart.mean([1.0, 2.0]) == 1.5


def test_tags():
    assert cart.tags("b,a,b") == {"a", "b"}


def test_price_of():
    assert cart.price_of({"price": 2, "count": 3}) == 6


def test_point():
    assert cart.Point(3).moved(2).x == 5
    assert cart.Point(4).scaled(2) == 2


def test_initials():
    assert cart.initials(["a"]) == "a"


def test_parse():
    assert cart.parse("12") == 12


def test_report():
    assert cart.report([1]) == 1
"""
OTHERS = {"shop/__init__.py": "", "tests/__init__.py": ""}


@dataclass(frozen=True)
class Tree:
    files: Mapping[str, str]

    def paths(self) -> list[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


def changed(base_text: str, head_text: str) -> dict[str, ChangedFunction]:
    base = {f.qualname: f for f in PYTHON.functions(PATH, base_text)}
    found = {}
    for head in PYTHON.functions(PATH, head_text):
        before = base.get(head.qualname)
        if before is None or before.source != head.source:
            was = before.source.splitlines() if before is not None else []
            lines = head.source.splitlines()
            new = tuple(head.start_line + at for at, line in enumerate(lines) if line not in was)
            found[head.qualname] = ChangedFunction(head, before, new, "modified" if before else "added")
    return found


@dataclass(frozen=True)
class Ground:
    lab: trial.Lab
    sides: observe.Sides
    evidence: Evidence
    functions: Mapping[str, ChangedFunction]
    texts: prove.Texts
    done: differ.Differed

    def id(self, name: str) -> str:
        return self.functions[name].id

    def kinds(self, name: str) -> set[str]:
        return {one.kind for one in self.done.differences.get(self.id(name), ())}

    def suspected(self, name: str) -> list[str]:
        """Rule and exception of each suspicion of a function."""
        return [
            f"{s.rule} {s.probe.raises}"
            for s in self.done.suspicions
            if s.function.id == self.id(name) and s.probe
        ]


def made(base_text: str, head_text: str, tests: tuple[str, str], **more: object) -> Ground:
    """Both sides observed and compared."""
    backend = docker_backend()
    image = prepared(backend)
    sides = []
    for text, test in zip((base_text, head_text), tests, strict=True):
        files = {**OTHERS, PATH: text, "tests/test_cart.py": test}
        sides.append(trial.Side(Tree(files), contents(files), image, SuitePlan(ARGS, (), "pytest")))
    lab = trial.Lab(backend, LIMITS)
    functions = changed(base_text, head_text)
    both = observe.Sides(*sides)
    changes = PYTHON.test_changes("tests/test_cart.py", *tests)
    settings = observe.Settings(60, further_seconds=0)
    evidence = observe.observe(lab, both, tuple(functions.values()), tuple(changes), settings, Silent())
    texts = prove.Texts({PATH: head_text}, {PATH: PYTHON})
    limits = differ.Settings(seconds=20, inputs=120, seed=1)
    done = differ.differ(lab, both, texts, tuple(functions.values()), evidence, limits, Silent())
    return Ground(lab, both, evidence, functions, texts, done)


@pytest.fixture(scope="module")
def ground() -> Ground:
    asked = TESTS.replace("cart.shipping(15) == 9", "cart.shipping(15) == 5")
    return made(BASE, HEAD, (TESTS, asked))


HARMLESS = (
    "doubled",
    "label",
    "evens",
    "fetch",
    "mean",
    "tags",
    "Point.moved",
    "initials",
)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_looks_otherwise_does_not_differ(ground: Ground, name: str) -> None:
    assert ground.done.compared[ground.id(name)] >= 5
    assert ground.kinds(name) == set() and ground.suspected(name) == []


@pytest.mark.parametrize("name", ["stamp", "lot"])
def test_what_answers_otherwise_each_time_is_left_alone(ground: Ground, name: str) -> None:
    assert ground.done.left_alone[ground.id(name)] == "its answers differ from run to run"
    assert ground.id(name) not in ground.done.compared


def test_other_values_are_told_and_not_suspected(ground: Ground) -> None:
    first = ground.done.differences[ground.id("rounded")][0]
    assert (first.arguments, first.base, first.head) == ("0.5", "returns 0.59", "returns 0.6")
    assert (first.kind, first.intended, first.source) == ("value", "", "(0.5,)")
    (drained,) = {(d.base, d.head) for d in ground.done.differences[ground.id("drained")][1:2]}
    assert drained == ("returns 1, its arguments then ([],)", "returns 1, its arguments as they were")
    assert ground.suspected("rounded") == ground.suspected("drained") == []


def test_what_a_changed_test_asks_for_is_intended(ground: Ground) -> None:
    rows = ground.done.differences[ground.id("shipping")]
    assert {row.intended for row in rows} == {"tests/test_cart.py::test_shipping"}


def test_a_refusal_in_so_many_words_is_told_and_not_suspected(ground: Ground) -> None:
    assert ground.kinds("age") == {"refuses"} and ground.suspected("age") == []


def test_a_helper_whose_callers_changed_with_it_is_not_suspected(ground: Ground) -> None:
    assert ground.kinds("_first") == {"crash"} and ground.suspected("_first") == []


def test_crashes_hangs_and_unknown_names_are_suspected_and_their_tests_prove_them(ground: Ground) -> None:
    expected = {
        "largest": "behaviour/new-crash IndexError",
        "halves": "behaviour/new-hang TimeoutError",
        "price_of": "behaviour/new-crash KeyError",
        "Point.scaled": "behaviour/new-crash ZeroDivisionError",
        "parse": "behaviour/new-crash ValueError",
        "report": "behaviour/undefined-name NameError",
    }
    assert {name: ground.suspected(name) for name in expected} == {k: [v] for k, v in expected.items()}
    assert len(ground.done.suspicions) == len(expected)
    first = next(s for s in ground.done.suspicions if s.function.id == ground.id("largest"))
    assert first.probe is not None and first.probe.kind == "input"
    assert first.probe.code.endswith("    got = largest([])\n    assert got == 0\n")
    assert first.message.startswith("`largest([])` raises `IndexError: list index out of range` at head;")
    proven = run_witnesses(
        ground.lab,
        ground.sides,
        ground.done.suspicions,
        ground.evidence,
        ground.texts,
        seconds=60,
        repeats=2,
        progress=Silent(),
        test_seconds=1,
    )
    assert {f.function.id for f in proven.findings} == {ground.id(name) for name in expected}, proven.left


# ------------------------------------------------------------------------------- contracts that changed with it

OLD = """\
class Registry:
    def __init__(self, names):
        self.names = names

    def find(self, key):
        if key in self.names:
            return self.names[key]
        return None


def scale(values, factor=2):
    return [value * factor for value in values]


def width(text):
    return len(text) if text else 0


def untested(amounts: list[int]) -> int:
    return amounts[0] if amounts else 0


def unannotated(amounts):
    return amounts[0] if amounts else 0


def clipped(text: str | None) -> str:
    return text[:3] if text else ""


def joined(parts, sep):
    return sep.join(parts)


def looked(key):
    return {"a": 1}.get(key)


def fields(line):
    name, _, value = line.partition("=")
    return name, value


def fake_total(rows):
    return rows[0] if rows else 0
"""
NEW = """\
class Registry:
    def __init__(self, names):
        self._names = dict(names)

    def find(self, key):
        return self._names.get(key)


def scale(values, factor=2, *, offset=0):
    return [value * factor + offset for value in values]


def width(text):
    return len(text)


def untested(amounts: list[int]) -> int:
    return amounts[0]


def unannotated(amounts):
    return amounts[0]


def clipped(text: str) -> str:
    return text[:3]


def joined(sep, parts):
    return sep.join(parts)


def looked(key):
    return {"a": 1}[key]


def fields(line):
    name, value = line.split("=")
    return name, value


def fake_total(rows):
    return rows[0]
"""
CONTRACTS = """\
import pytest

from shop import cart


def test_find():
    registry = cart.Registry({"a": 1})
    assert registry.find("a") == 1
    assert registry.find("b") is None


def test_scale():
    assert cart.scale([1, 2]) == [2, 4]


def test_width():
    assert cart.width("ab") == 2


def test_clipped():
    assert cart.clipped("abcd") == "abc"


def test_looked():
    assert cart.looked("a") == 1


def test_fields():
    assert cart.fields("a=1") == ("a", "1")


def test_fake_total():
    assert cart.fake_total([1]) == 1
"""
RAISES = """

def test_unknown_keys_are_an_error():
    with pytest.raises(KeyError):
        cart.looked("zz")
"""


@pytest.fixture(scope="module")
def contracts() -> Ground:
    return made(OLD, NEW, (CONTRACTS, CONTRACTS + RAISES))


def test_what_a_class_keeps_under_another_name_is_no_difference(contracts: Ground) -> None:
    assert contracts.kinds("Registry.find") == set() and contracts.suspected("Registry.find") == []


def test_a_parameter_more_is_compared_with_its_default(contracts: Ground) -> None:
    assert contracts.done.compared[contracts.id("scale")] > 20 and contracts.kinds("scale") == set()


def test_parameters_in_another_order_are_not_compared(contracts: Ground) -> None:
    assert contracts.done.left_alone[contracts.id("joined")] == "its parameters changed"


def test_none_that_no_test_gives_is_no_input_of_callers(contracts: Ground) -> None:
    assert contracts.suspected("width") == [] and contracts.suspected("clipped") == []


def test_a_function_without_tests_is_judged_by_its_signature_alone(contracts: Ground) -> None:
    assert contracts.suspected("untested") == ["behaviour/new-crash IndexError"]
    assert contracts.kinds("unannotated") == {"crash"} and contracts.suspected("unannotated") == []


def test_an_exception_that_a_new_test_expects_is_intended(contracts: Ground) -> None:
    rows = contracts.done.differences[contracts.id("looked")]
    assert {row.intended for row in rows} == {"tests/test_cart.py::test_unknown_keys_are_an_error"}
    assert contracts.suspected("looked") == []


def test_a_text_without_the_marks_that_all_have_is_no_input_of_callers(contracts: Ground) -> None:
    assert contracts.kinds("fields") == {"crash"} and contracts.suspected("fields") == []


def test_a_double_is_not_suspected(contracts: Ground) -> None:
    assert contracts.kinds("fake_total") == {"crash"} and contracts.suspected("fake_total") == []

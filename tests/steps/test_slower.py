"""Timing base against head on a real engine: what got slower is found, what did not is left in peace."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pacing import Change, Ground, ground

from bot.domain import Category
from bot.progress import Silent
from bot.steps.slower import Settings, Timed, slower

pytestmark = [pytest.mark.engine, pytest.mark.thorough, pytest.mark.timeout(240)]

UNIQUE = '''\
def unique(items):
    """Items without repetitions, in order."""
    seen = {kind}
    out = []
    for item in items:
        if item not in seen:
            seen.{add}(item)
            out.append(item)
    return out
'''
GROWN = Change(
    "unique",
    UNIQUE.format(kind="set()", add="add"),
    UNIQUE.format(kind="[]", add="append"),
    "def test_unique():\n    assert unique([3, 1, 3, 2, 9, 7, 8, 11]) == [3, 1, 2, 9, 7, 8, 11]\n",
)
TOTAL = '''\
def total(prices):
    """Sum of what is above zero."""
    result = 0
    for price in prices:
        if price > 0:
            result += {term}
    return result
'''
CONSTANT = Change(
    "total",
    TOTAL.format(term="price * 3 + price // 7"),
    TOTAL.format(term="int(str(price)) * 3 + int(price) // 7"),
    "def test_total():\n    assert total(list(range(1500))) > 0\n\n\n"
    "def test_small():\n    assert total([]) == 0\n",
)
MEAN = '''\
def mean(values):
    """The mean; zero for none."""
    {total} = 0.0
    for {value} in values:
        {total} {plus} {value}
    return {total} / len(values) if values else 0.0
'''
RENAMED = Change(
    "mean",
    MEAN.format(total="total", value="value", plus="+="),
    MEAN.format(total="amount", value="one", plus="= amount +"),
    "def test_mean():\n    assert mean([float(n) for n in range(500)]) == 249.5\n",
)
WORDS = '''\
def words(text, least: int = 0) -> list:
    """Words of a text that are long enough."""
    {body}
'''
LOOP = (
    "out = []\n    for word in text.split():\n        if len(word) >= least:\n"
    "            out.append(word)\n    return out"
)
REWRITTEN = Change(
    "words",
    WORDS.format(body=LOOP),
    WORDS.format(body="return [word for word in text.split() if len(word) >= least]"),
    "def test_words():\n    assert words('a bb ccc dddd ' * 40, 3) == ['ccc', 'dddd'] * 40\n",
)
EXTRACTED = Change(
    "area",
    "def area(sides):\n    total = 0\n    for a, b in sides:\n        total += a * b\n    return total\n",
    "def _one(a, b):\n    return a * b\n\n\ndef area(sides):\n    total = 0\n    for a, b in sides:\n"
    "        total += _one(a, b)\n    return total\n",
    "def test_area():\n    assert area([(1, 2), (3, 4), (5, 6)]) == 44\n",
)
GUARDED = Change(
    "label",
    "def label(name, size):\n    return '%s (%d)' % (name.strip().lower(), size)\n",
    "def label(name, size):\n    if not isinstance(name, str):\n        raise TypeError(name)\n"
    "    return f'{name.strip().lower()} ({size})'\n",
    "def test_label():\n    assert label(' Ab ', 3) == 'ab (3)'\n",
)
UNSTEADY = Change(
    "draw",
    "import random\n\n\ndef draw(items):\n    return random.random() + len(items)\n",
    "import random\n\n\ndef draw(items):\n    return len(items) + random.random() + sum(items) * 0\n",
    "def test_draw():\n    assert draw([1, 2, 3]) > 2\n",
)
NAMES = """\
import sqlite3

base = sqlite3.connect(":memory:", check_same_thread=False)
base.execute("create table people (id integer primary key, name text)")
base.executemany("insert into people values (?, ?)", [(n, f"name {{n}}") for n in range(3000)])


def names(ids):
    {body}
"""
QUERIES = Change(
    "names",
    NAMES.format(
        body="marks = ', '.join('?' * len(ids))\n"
        "    rows = base.execute(f'select id, name from people where id in ({marks})', list(ids))\n"
        "    known = dict(rows.fetchall())\n    return [known.get(one) for one in ids]"
    ),
    NAMES.format(
        body="out = []\n    for one in ids:\n"
        "        row = base.execute('select name from people where id = ?', (one,)).fetchone()\n"
        "        out.append(row[0] if row else None)\n    return out"
    ),
    "def test_names():\n    assert names([2, 5, 7]) == ['name 2', 'name 5', 'name 7']\n",
)
FASTER = Change(
    "first",
    "def first(xs):\n    return sorted(xs)[0]\n",
    "def first(xs):\n    return min(xs)\n",
    "def test_first():\n    assert first([3, 1, 2]) == 1\n",
)
ALL = (GROWN, CONSTANT, RENAMED, REWRITTEN, EXTRACTED, GUARDED, UNSTEADY, QUERIES, FASTER)


@pytest.fixture(scope="module")
def world() -> Iterator[Ground]:
    with ground(*ALL) as made:
        yield made


def timed(world: Ground, name: str) -> Timed:
    functions = [world.function(name)]
    return slower(world.lab, world.sides, world.texts, functions, world.evidence, Settings(30.0), Silent())


def test_another_growth_is_found(world: Ground) -> None:
    (finding,) = timed(world, "unique").findings
    assert (finding.rule, finding.category) == ("performance/growth", Category.PERFORMANCE)
    told = finding.witness.measured
    assert told is not None
    assert told.exponent_old is not None
    assert told.exponent_new is not None
    assert told.exponent_new - told.exponent_old > 0.5
    assert told.low > 1.5
    assert (finding.witness.kind, finding.witness.tests, told.repeats) == ("measure", (), 2)
    assert "8 times as much data" in finding.message
    assert finding.start_line == 3


def test_more_work_of_the_same_growth_is_found_with_its_interval(world: Ground) -> None:
    (finding,) = timed(world, "total").findings
    assert finding.rule == "performance/slower"
    told = finding.witness.measured
    assert told is not None
    assert 1.1 < told.low <= told.ratio <= told.high
    assert told.scale == 1
    assert "99% interval" in finding.message


def test_queries_in_a_loop_are_found(world: Ground) -> None:
    (finding,) = timed(world, "names").findings
    assert finding.rule == "performance/more-queries"
    told = finding.witness.measured
    assert told is not None
    assert told.events_new["sql"] > told.events_old["sql"]


@pytest.mark.parametrize("name", ["mean", "words", "area", "label", "first"])
def test_harmless_and_better_changes_give_nothing(world: Ground, name: str) -> None:
    seen = timed(world, name)
    assert seen.findings == ()
    assert seen.left_alone == {}
    assert list(seen.measured) == [f"{name}.py::{name}"]


def test_a_function_that_answers_by_chance_is_left_alone(world: Ground) -> None:
    seen = timed(world, "draw")
    assert (seen.findings, seen.measured) == ((), {})
    assert "differ" in seen.left_alone["draw.py::draw"]

"""Small projects whose tests do what tests do: honest rewrites of them must never be suspected of tampering.

Each holds the right module, what breaks it, the test files, and the qualified name of the function.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Honest:
    """One project: `shop.py`, its tests, and a slip in one function."""

    name: str
    module: str
    right: str
    wrong: str
    function: str
    tests: Mapping[str, str]
    more: Mapping[str, str] = field(default_factory=dict)
    """Further files: conftest, configuration."""


TOTAL = """\
import logging
import random
import time

RATE = 2


def total(prices, rate=1):
    result = 0
    for price in prices:
        result += price * rate
    return result


def told(prices):
    print("sum", total(prices))
    logging.getLogger("shop").warning("sum %s", total(prices))


def rated(price):
    return price * RATE


class Basket:
    def __init__(self, prices=()):
        self.prices = list(prices)

    def add(self, price):
        self.prices.append(price)
        return self

    def total(self):
        return sum(self.prices)

    @property
    def mean(self):
        return self.total() / len(self.prices)

    @classmethod
    def of(cls, *prices):
        return cls(prices)

    @staticmethod
    def tax(price):
        return price * 20 // 100


def running(prices):
    result = 0
    for price in prices:
        result += price
        yield result


async def fetched(prices):
    return [price + 1 for price in prices]


def shuffled(prices, seed):
    copy = list(prices)
    random.Random(seed).shuffle(copy)
    return copy


def stamped(price):
    return (time.time(), price + 1)


def saved(path, prices):
    path.write_text(",".join(str(price) for price in prices))
    return len(prices)


def checked(price):
    if price < 0:
        raise ValueError("negative: %d" % price)
    return price


def kinds(words):
    return sorted({word[0] for word in words})


def counter():
    count = 0

    def step():
        nonlocal count
        count += 1
        return count

    return step


def cached(n, known={}):
    if n not in known:
        known[n] = n * n
    return known[n]


def applied(function, prices):
    return [function(price) for price in prices]


def hour(seconds):
    return time.localtime(seconds).tm_hour
"""
START = "from shop import *\nimport shop\nimport pytest\n\n\n"


def case(name: str, function: str, right: str, wrong: str, test: str, **more: str) -> Honest:
    """A project with one test file."""
    return Honest(name, TOTAL, right, wrong, function, {"test_shop.py": START + test}, more)


CASES = (
    case(
        "plain",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def test_total():
    assert total([1, 2]) == 3


def test_none():
    assert total([]) == 0
""",
    ),
    case(
        "parametrised",
        "total",
        "result += price * rate",
        "result = price * rate",
        """\
@pytest.mark.parametrize('prices, rate, sum_', [([1, 2], 1, 3), ([], 3, 0), ([5, 1], 2, 12)])
def test_total(prices, rate, sum_):
    assert total(prices, rate) == sum_
""",
    ),
    case(
        "unittest",
        "total",
        "result += price * rate",
        "result = price * rate",
        """\
import unittest


class TestTotal(unittest.TestCase):
    def setUp(self):
        self.prices = [1, 2]

    def test_total(self):
        self.assertEqual(total(self.prices), 3)

    def test_more(self):
        for rate in (1, 2):
            with self.subTest(rate):
                self.assertEqual(total(self.prices, rate), 3 * rate)
""",
    ),
    case(
        "capsys",
        "told",
        'print("sum", total(prices))',
        'print("sum", prices)',
        """\
def test_told(capsys):
    told([1, 2])
    assert capsys.readouterr().out == 'sum 3\\n'
""",
    ),
    case(
        "caplog",
        "told",
        'warning("sum %s", total(prices))',
        'warning("sum %s", prices)',
        """\
def test_told(caplog):
    told([1, 2])
    assert 'sum 3' in caplog.text
""",
    ),
    case(
        "monkeypatch",
        "rated",
        "price * RATE",
        "price + RATE",
        """\
def test_rated(monkeypatch):
    monkeypatch.setattr(shop, 'RATE', 5)
    assert rated(3) == 15


def test_usual():
    assert rated(2) == 4
""",
    ),
    case(
        "mock",
        "told",
        'print("sum", total(prices))',
        'print("sum", prices)',
        """\
from unittest import mock


@mock.patch('shop.total', return_value=7)
def test_told(total, capsys):
    told([1])
    assert 'sum 7' in capsys.readouterr().out
    assert total.called
""",
    ),
    case(
        "method",
        "Basket.add",
        "self.prices.append(price)",
        "self.prices.insert(0, price)",
        """\
def test_add():
    assert Basket([1]).add(2).prices == [1, 2]


def test_sum():
    assert Basket([1]).add(1).total() == 2
""",
    ),
    case(
        "property",
        "Basket.mean",
        "/ len(self.prices)",
        "// len(self.prices)",
        """\
def test_mean():
    assert Basket([1, 2]).mean == 1.5
""",
    ),
    case(
        "classmethod",
        "Basket.of",
        "cls(prices)",
        "cls(prices[1:])",
        """\
class TestBasket:
    def test_of(self):
        assert Basket.of(1, 2).total() == 3
""",
    ),
    case(
        "staticmethod",
        "Basket.tax",
        "price * 20 // 100",
        "price * 20 // 10",
        """\
@pytest.fixture
def price():
    yield 50


def test_tax(price):
    assert Basket.tax(price) == 10
""",
    ),
    case(
        "generator",
        "running",
        "result += price\n        yield",
        "result = price\n        yield",
        """\
def test_running():
    assert list(running([1, 2])) == [1, 3]
""",
    ),
    case(
        "async",
        "fetched",
        "price + 1 for",
        "price for",
        """\
import asyncio


def test_fetched():
    assert asyncio.run(fetched([1])) == [2]
""",
    ),
    case(
        "random",
        "shuffled",
        "copy = list(prices)",
        "copy = list(prices)[1:]",
        """\
import random


def test_shuffled():
    seed = random.random()
    assert sorted(shuffled([1, 2, 3], seed)) == [1, 2, 3]
""",
    ),
    case(
        "time",
        "stamped",
        "price + 1)",
        "price)",
        """\
import time


def test_stamped():
    before = time.time()
    when, price = stamped(1)
    assert price == 2
    assert before <= when <= time.time()
""",
    ),
    case(
        "tmp_path",
        "saved",
        "str(price) for price in prices",
        "str(price) for price in prices[1:]",
        """\
def test_saved(tmp_path):
    path = tmp_path / 'prices'
    assert saved(path, [1, 2]) == 2
    assert path.read_text() == '1,2'
""",
    ),
    case(
        "raises",
        "checked",
        "price < 0",
        "price < -1",
        """\
def test_checked():
    with pytest.raises(ValueError, match='negative'):
        checked(-1)


def test_fine():
    assert checked(1) == 1
""",
    ),
    case(
        "caught",
        "checked",
        "price < 0",
        "price < -1",
        """\
def test_checked():
    try:
        checked(-1)
    except ValueError as problem:
        assert 'negative' in str(problem)
        return
    pytest.fail('nothing was raised')
""",
    ),
    case(
        "hash-order",
        "kinds",
        "word[0] for",
        "word[-1] for",
        """\
def test_kinds():
    assert kinds(['ab', 'cd']) == ['a', 'c']


def test_order():
    seen = list({'one', 'two', 'three', 'four'})
    assert kinds(seen) == ['f', 'o', 't']
""",
    ),
    case(
        "closure",
        "counter",
        "count += 1",
        "count += 2",
        """\
def test_counter():
    step = counter()
    assert [step(), step()] == [1, 2]
""",
    ),
    case(
        "state",
        "cached",
        "n * n",
        "n + n",
        """\
def test_first():
    assert cached(3) == 9


def test_second():
    assert cached(3) == 9
    assert cached(4) == 16
""",
    ),
    case(
        "callback",
        "applied",
        "function(price) for",
        "price for",
        """\
def test_applied():
    assert applied(lambda price: price + 1, [1]) == [2]
""",
    ),
    case(
        "time-zone",
        "hour",
        "time.localtime(seconds)",
        "time.localtime(seconds + 7200)",
        """\
def test_hour():
    assert hour(0) == 0


def test_range():
    assert 0 <= hour(86399) < 24
""",
    ),
    case(
        "order",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
SEEN = []


def test_one():
    SEEN.append(total([1, 2]))
    assert SEEN == [3]


def test_two():
    SEEN.append(total([2, 2]))
    assert SEEN == [3, 4]
""",
    ),
    case(
        "module-fixture",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
@pytest.fixture(scope='module')
def prices(tmp_path_factory):
    yield [1, 2]


@pytest.fixture(autouse=True)
def around():
    yield


def test_one(prices):
    assert total(prices) == 3


def test_two(prices):
    assert total(prices, 2) == 6
""",
    ),
    case(
        "skipped",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def test_one():
    assert total([1]) == 1


@pytest.mark.skip(reason='later')
def test_two():
    assert total([1]) == 5


@pytest.mark.xfail(strict=True)
def test_three():
    assert total([1]) == 5


def test_four():
    if total([1]) == 1:
        pytest.skip('so')
""",
    ),
    case(
        "subprocess",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
import subprocess, sys


def test_one():
    said = subprocess.run([sys.executable, '-c', 'import shop; print(shop.total([1, 2]))'], capture_output=True)
    assert said.stdout == b'3\\n'


def test_two():
    assert total([2]) == 2
""",
    ),
    case(
        "threads",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
from concurrent.futures import ThreadPoolExecutor


def test_one():
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(total, [[1], [1, 2]])) == [1, 3]
""",
    ),
    case(
        "forks",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
import multiprocessing


def test_one():
    with multiprocessing.get_context('fork').Pool(2) as pool:
        assert pool.map(total, [[1], [1, 2]]) == [1, 3]
""",
    ),
    case(
        "inherited",
        "Basket.total",
        "sum(self.prices)",
        "max(self.prices)",
        """\
class Base:
    kind = Basket

    def test_total(self):
        assert self.kind([1, 2]).total() == 3


class TestBasket(Base):
    pass


class TestOther(Base):
    pass
""",
    ),
    case(
        "decorated-test",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
import functools


def twice(test):
    @functools.wraps(test)
    def run(*args, **more):
        test(*args, **more)
        test(*args, **more)
    return run


@twice
def test_one():
    assert total([1, 2]) == 3


def never(test):
    @functools.wraps(test)
    def run():
        total([1])
    return run


@never
def test_two():
    assert total([1]) == 9
""",
    ),
    case(
        "traced",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
import sys


def test_one():
    lines = []
    sys.settrace(lambda *_: lines.append(1))
    try:
        assert total([1, 2]) == 3
    finally:
        sys.settrace(None)
    assert lines
""",
    ),
    case(
        "source",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
import inspect


def test_one():
    assert total([1, 2]) == 3


def test_two():
    assert 'def total' in inspect.getsource(total)
    assert total([]) == 0
""",
    ),
    case(
        "ends-early",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def test_one():
    got = total([1, 2])
    if got == 3:
        return
    assert False
    assert got


def test_two():
    for rate in ():
        assert total([rate])
    while True:
        if total([1]) == 1:
            break
""",
    ),
    case(
        "strict",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def test_one():
    assert total([1, 2]) == 3
""",
        **{
            "pytest.ini": """\
[pytest]
addopts = --strict-markers --strict-config -W error -p no:cacheprovider --tb=short
xfail_strict = true
"""
        },
    ),
    case(
        "names",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def it_adds():
    assert total([1, 2]) == 3
""",
        **{
            "pytest.ini": """\
[pytest]
python_functions = it_*
python_classes = Describe*
"""
        },
    ),
    case(
        "hooks",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def test_one():
    assert total([1, 2]) == 3
""",
        **{
            "conftest.py": """\
import pytest


@pytest.fixture(autouse=True)
def known(request):
    if request.node.path.name != 'test_shop.py':
        pytest.skip('unknown')


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.name)
"""
        },
    ),
    case(
        "plain-asserts",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def test_one():
    assert total([1, 2]) == 3
""",
        **{
            "pytest.ini": """\
[pytest]
addopts = --assert=plain
"""
        },
    ),
    case(
        "docstrings",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
def test_one():
    \"\"\"Adds.\"\"\"
    global seen
    seen = total([1, 2])
    assert seen == 3, "sum"
""",
    ),
    case(
        "long-with",
        "total",
        "result += price * rate",
        "result -= price * rate",
        """\
import contextlib


def test_one():
    with contextlib.suppress(ZeroDivisionError):
        1 / 0
        assert total([1]) == 1
    with contextlib.ExitStack() as stack:
        stack.callback(print)
        got = total([1, 2])
    assert got == 3
""",
    ),
)

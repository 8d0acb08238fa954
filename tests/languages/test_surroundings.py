"""What stands around a function, and the text of a test, as a reader gets them."""

from __future__ import annotations

import ast

import pytest

from bot.domain import Function, Surroundings
from bot.languages import Unparsable
from bot.languages.python import functions as python
from bot.languages.python import surroundings as around
from bot.languages.python.surroundings import surroundings
from bot.languages.python.surroundings import test_source as source_of

SHOP = '''\
"""A shop."""
from __future__ import annotations

import os, math  # both
from decimal import (
    Decimal,
)
try:
    import fast_sum
except ImportError:
    fast_sum = None
if os.name == "nt":
    import winreg

RATE = Decimal("0.2")
LIMITS: dict[str, int] = {
    "most": 10,
}
UNUSED = 3
A, B = 1, 2


def net_of(price: Decimal, *, rounded: bool = False) -> Decimal:
    """Price without
    its tax. Never negative.

    More.
    """
    return price


def unrelated():
    return 0


class Money(float):
    """An amount: "so much"."""

    currency: str = "EUR"

    def __init__(self, amount, currency="EUR"):
        self.amount = amount


@some.decorator(1)
class Basket(dict, metaclass=Meta):
    """Holds things."""

    tax = RATE
    names: list[str]

    def __init__(self, owner):
        """Opens it."""
        self.owner = owner

    @property
    def size(self) -> int:
        """How many."""
        return 1

    def add(self, thing, *more):
        return thing

    def clear(self):
        self.owner = None

    def total(self, shop: "Money", rate=A) -> Decimal:
        """Sums."""
        for thing in self:
            self.add(thing)
        if self.size > LIMITS["most"]:
            raise ValueError(fast_sum)
        return net_of(Decimal(math.pi)) * RATE

    @staticmethod
    def free():
        def inner(x):
            return step + x
        step = RATE
        other = 2
        return inner
'''


def at(text: str, qualname: str) -> Function:
    return next(f for f in python.functions("shop.py", text) if f.qualname == qualname)


def of(qualname: str, text: str = SHOP) -> Surroundings:
    return surroundings(text, at(text, qualname))


def test_imports_are_the_module_s_on_one_line_each() -> None:
    assert of("Basket.total").imports == (
        "from __future__ import annotations",
        "import os, math",
        "from decimal import Decimal",
        "import fast_sum",
        "import winreg",
    )


def test_of_many_imports_the_used_ones_stay_in_order() -> None:
    many = "".join(f"import m{i}\n" for i in range(60)) + "def f():\n    return m50, m7\n"
    found = of("f", many).imports
    assert len(found) == around.MAX_IMPORTS
    assert "import m50" in found
    assert found.index("import m7") < found.index("import m50")


def test_a_long_import_keeps_the_names_that_are_used() -> None:
    names = ", ".join(f"name_{i}" for i in range(50))
    assert of("f", f"from a import {names}\ndef f():\n    return name_7\n").imports == ("from a import name_7",)


def test_the_class_header_tells_what_the_method_uses() -> None:
    assert (
        of("Basket.total").header
        == '''\
@some.decorator(1)
class Basket(dict, metaclass=Meta):
    """Holds things."""
    tax = RATE
    names: list[str]

    def __init__(self, owner):
        """Opens it."""
        self.owner = owner

    @property
    def size(self) -> int:
        """How many."""

    def add(self, thing, *more): ...'''
    )


def test_init_is_not_shown_beside_itself() -> None:
    assert "def __init__" not in of("Basket.__init__").header


def test_a_long_init_is_cut_and_counted() -> None:
    body = "".join(f"        self.a{i} = {i}\n" for i in range(60))
    text = f"class A:\n    def __init__(self):\n{body}\n    def f(self):\n        return 1\n"
    header = of("A.f", text).header
    left = 61 - around.MAX_INIT_LINES
    assert header.endswith(f"    # ... {left} more lines")
    assert header.count("self.a") == 60 - left


def test_an_inner_function_sees_what_it_closes_over() -> None:
    inner = of("Basket.free.<locals>.inner").header
    assert "    @staticmethod\n    def free():\n        step = RATE" in inner
    assert "other" not in inner


def test_helpers_are_what_the_function_names_in_the_same_file() -> None:
    helpers = {helper.name: helper.text for helper in of("Basket.total").helpers}
    assert helpers == {
        "net_of": "def net_of(price: Decimal, *, rounded: bool=False) -> Decimal:\n"
        '    """Price without its tax."""',
        "Money": "class Money(float):\n"
        '    """An amount: \'so much\'."""\n'
        "    currency: str = 'EUR'\n"
        "    def __init__(self, amount, currency='EUR'): ...",
    }
    assert of("net_of").helpers == ()


def test_constants_are_as_written() -> None:
    assert of("Basket.total").constants == (
        "fast_sum = None",
        'RATE = Decimal("0.2")',
        'LIMITS: dict[str, int] = {\n    "most": 10,\n}',
        "A, B = 1, 2",
    )
    assert of("unrelated").constants == ()
    (clipped,) = of("f", f"A = {'x' * 5000!r}\ndef f():\n    return A\n").constants
    assert len(clipped) == around.MAX_CONSTANT


def test_what_is_cut_holds_no_half_of_a_secret() -> None:
    token = "ghp_" + "aB3dE5fG7hI9kL1mN3pQ5rS7tU9vW1xY3zA5"
    text = f"A = ['{'x' * (around.MAX_CONSTANT - 30)}', '{token}', '{'x' * 90}']\ndef f():\n    return A\n"
    (clipped,) = of("f", text).constants
    assert token[:12] not in clipped


def test_a_function_that_is_not_there_has_no_surroundings() -> None:
    function = at(SHOP, "net_of")
    assert surroundings("\n\n" + SHOP, function) == Surroundings()
    with pytest.raises(Unparsable):
        surroundings("def f(:\n", function)


def test_windows_line_ends_leave_no_trace() -> None:
    assert of("Basket.total", SHOP.replace("\n", "\r\n")) == of("Basket.total")


TESTS = '''\
import os
import unittest
from unittest import mock as m, skip
import pytest

from shop import Basket, net_of

CASES = [(1, 1)]


@pytest.fixture
def owner(tmp_path):
    return str(tmp_path)


@pytest.fixture
def basket(owner):
    return Basket(owner)


@pytest.fixture
def idle():
    return None


def check(value):
    assert value == 1


@pytest.mark.parametrize(("given", "wanted"), CASES)
def test_net(given, wanted):
    assert net_of(given) == wanted


def test_basket(basket):
    check(basket.size)


class TestCart(unittest.TestCase):
    """All of it. And more."""

    def setUp(self):
        self.basket = Basket(m)

    def helper(self):
        return 3

    @skip("x")
    def test_total(self):
        assert self.basket.size

    def test_other(self):
        pass


@pytest.mark.usefixtures("idle")
class TestOuter:
    class TestInner:
        def test_deep(self, basket):
            assert os.name


if os.name:
    def test_below():
        assert 1
'''


def test_a_parametrised_test_comes_with_decorator_imports_and_constants() -> None:
    assert (
        source_of(TESTS, "test_net[1-1]")
        == """\
import pytest
from shop import net_of

CASES = [(1, 1)]

@pytest.mark.parametrize(("given", "wanted"), CASES)
def test_net(given, wanted):
    assert net_of(given) == wanted
"""
    )


def test_fixtures_that_it_names_follow_and_those_that_they_name() -> None:
    found = source_of(TESTS, "test_basket")
    order = [found.index(f"def {name}(") for name in ("test_basket", "basket", "check", "owner")]
    assert order == sorted(order)
    assert "import pytest\nfrom shop import Basket\n" in found
    assert "idle" not in found
    assert "def test_net" not in found


def test_a_method_stands_in_its_class_behind_its_set_up() -> None:
    assert (
        source_of(TESTS, "TestCart::test_total")
        == '''\
import unittest
from unittest import mock as m, skip
from shop import Basket

class TestCart(unittest.TestCase):
    """All of it."""
    def setUp(self):
        self.basket = Basket(m)

    @skip("x")
    def test_total(self):
        assert self.basket.size
'''
    )


def test_nested_classes_and_marks_are_followed() -> None:
    found = source_of(TESTS, "TestOuter::TestInner::test_deep")
    assert "class TestOuter:\n    class TestInner:\n        def test_deep(self, basket):\n" in found
    assert "def basket(owner)" in found
    assert "def idle()" in found
    assert "import os\n" in found


@pytest.mark.parametrize("name", ["test_none", "TestCart", "TestCart::test_none", "TestNone::test_total", ""])
def test_what_is_not_there_is_empty(name: str) -> None:
    assert source_of(TESTS, name) == ""


def test_a_test_below_a_condition_is_found_and_the_later_of_two_counts() -> None:
    assert "assert 1" in source_of(TESTS, "test_below")
    twice = "def test_a():\n    assert 1\n\ndef test_a():\n    assert 2\n"
    assert source_of(twice, "test_a") == "def test_a():\n    assert 2\n"


def test_all_texts_of_tests_parse() -> None:
    for name in ("test_net", "test_basket", "TestCart::test_total", "TestOuter::TestInner::test_deep"):
        ast.parse(source_of(TESTS, name))
    with pytest.raises(Unparsable):
        source_of("def test_a(:\n", "test_a")

"""Briefs made by hand, for the tests of whatever tells a model of a function."""

from __future__ import annotations

from dataclasses import replace

from sample_reviews import CHANGED, FINDING, function

from bot.domain import Brief, Call, Category, Function, Signature, Surroundings

METHOD_SOURCE = '''\
    @property
    def label(self) -> str:
        """What stands on the shelf, in ```ticks```."""
        return f"{self.name}: {format_price(self.price)}"
'''
METHOD = Function(
    path="shop/item.py",
    qualname="Item.label",
    start_line=98,
    end_line=101,
    def_line=99,
    body_line=100,
    source=METHOD_SOURCE,
    decorators=("property",),
    enclosing=("class Item",),
)

TOTAL = Brief(
    function=CHANGED.head,
    surroundings=Surroundings(
        imports=("import math", "from decimal import Decimal"),
        helpers=(Signature("net_of", 'def net_of(price: Decimal) -> Decimal:\n    """Price without tax."""'),),
        constants=("RATE = Decimal('0.2')",),
    ),
    base=CHANGED.base,
    finding=FINDING,
    tests=(
        (
            "tests/test_cart.py::test_total",
            "from shop.cart import total\n\ndef test_total():\n    assert total([3, 4]) == 7\n",
        ),
        (
            "tests/test_cart.py::test_empty",
            "from shop.cart import total\n\ndef test_empty():\n    assert total([]) == 0\n",
        ),
    ),
    calls=(
        Call("tests/test_cart.py::test_empty", "[]", "0", "", "a"),
        Call("tests/test_cart.py::test_none", "None", "", "TypeError", "b"),
        Call("tests/test_cart.py::test_total", "[3, 4]", "7", "", "c"),
    ),
    failures=(
        (
            "tests/test_cart.py::test_total",
            "AssertionError: assert 4 == 7\n  where 4 = total([3, 4])\n"
            "at tests/test_cart.py:4: assert total([3, 4]) == 7",
        ),
    ),
)
"""A changed function with everything that a brief can tell."""

LABEL = Brief(
    function=METHOD,
    surroundings=Surroundings(
        imports=("from shop.text import format_price",),
        header='class Item:\n    """Something to sell."""\n    name: str\n    price: int = 0',
    ),
    finding=replace(
        FINDING,
        category=Category.PERFORMANCE,
        function=replace(CHANGED, head=METHOD, base=None),
        title="`label` formats each price twice",
        message="`label` calls `format_price` 2 times for each item; at base it calls it once.",
        suspicious_lines={},
    ),
    calls=(Call("t", "Item('a', 3)", "'a: 3'", "", "a"),),
)
"""A new method, found slow, of which no test tells."""

BARE = Brief(function=function("def f():\n    raise NotImplementedError\n", 1), surroundings=Surroundings())
"""Nothing is known but the function."""

"""Dependence by name: who mentions whom, and whose digest changes when something does."""

from __future__ import annotations

import pytest

from bot.languages.python.language import Python
from bot.steps.depend import Dependence, components, depend

PYTHON = Python()
SOURCE = """\
class Cart:
    def __init__(self):
        self.lines = []

    def total(self):
        return sum(price(line) for line in self.lines)


def price(line):
    return line[0] * rate()


def rate():
    return 2


def made():
    return Cart()


def even(n):
    return n == 0 or odd(n - 1)


def odd(n):
    return n != 0 and even(n - 1)


def alone():
    return 1
"""


def dependence(source: str = SOURCE, own: str = "") -> Dependence:
    functions = PYTHON.functions("cart.py", source)
    return depend(functions, {"cart.py": PYTHON}, {"cart.py": own})


def changed(old: str, new: str) -> set[str]:
    """Names of the functions whose digest an edit changes."""
    assert SOURCE.count(old) == 1
    before, after = dependence().digests, dependence(SOURCE.replace(old, new)).digests
    return {name.partition("::")[2] for name in before if before[name] != after.get(name)}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("return 1", "return 2", {"alone"}),
        ("return 2", "return 3", {"rate", "price", "Cart.total"}),
        ("self.lines = []", "self.lines = [1]", {"Cart.__init__", "made"}),
        ("odd(n - 1)", "odd(n - 2)", {"even", "odd"}),
    ],
)
def test_what_reaches_a_changed_function_changes_with_it(old: str, new: str, expected: set[str]) -> None:
    assert changed(old, new) == expected


def test_a_function_that_moves_is_the_same() -> None:
    assert dependence("\n\n# more\n" + SOURCE).digests == dependence().digests


def test_what_of_its_file_is_no_functions_counts_for_all() -> None:
    before, after = dependence().digests, dependence(own="RATE = 3").digests
    assert all(before[name] != after[name] for name in before)


def test_callers_are_functions_that_mention_it() -> None:
    callers = {name.partition("::")[2]: count for name, count in dependence().callers.items()}
    assert callers["price"] == callers["rate"] == callers["even"] == callers["odd"] == 1
    assert callers["Cart.__init__"] == 1, "made by its class's name"
    assert callers["alone"] == callers["Cart.total"] == 0


def test_components_come_after_what_they_lead_to() -> None:
    edges = {0: [1], 1: [2, 3], 2: [1], 3: [4], 4: [], 5: [0, 5]}
    found = components(edges)
    assert sorted(sorted(component) for component in found) == [[0], [1, 2], [3], [4], [5]]
    place = {number: index for index, component in enumerate(found) for number in component}
    assert all(place[target] <= place[source] for source, targets in edges.items() for target in targets)


def test_a_long_chain_needs_no_stack() -> None:
    edges = {number: [number + 1] for number in range(20_000)} | {20_000: []}
    assert len(components(edges)) == 20_001

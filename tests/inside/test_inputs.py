"""Derived arguments: the same for equal seeds, of the same types, and really different."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tryline_inside import inputs

VALUES = [
    True,
    7,
    2.5,
    "some text",
    b"bytes",
    [1, "a", [2.0]],
    (1, (2, "b")),
    {"k": [1], "l": 2},
    {1, 2, 3},
    frozenset("abc"),
    None,
]


class Basket:
    def __init__(self) -> None:
        self.items = [1, 2]
        self.name = "b"


def derived(values: list[Any], seed: int, variant: int) -> list[Any]:
    return inputs.derive(copy.deepcopy(values), inputs.generator(seed, 0, variant))


def test_equal_seeds_give_equal_arguments() -> None:
    for variant in range(50):
        assert derived(VALUES, 3, variant) == derived(VALUES, 3, variant)
    assert [derived(VALUES, 3, v) for v in range(9)] != [derived(VALUES, 4, v) for v in range(9)]


def test_types_stay_in_every_place() -> None:
    for variant in range(300):
        found = derived(VALUES, 1, variant)
        assert [type(value) for value in found] == [type(value) for value in VALUES]
        assert all(type(item) in (int, str, list, float) for item in found[5])


@pytest.mark.parametrize("value", VALUES[:-1], ids=lambda value: type(value).__name__)
def test_every_kind_of_value_is_changed_in_more_than_one_way(value: Any) -> None:
    found = {repr(derived([value], 1, variant)[0]) for variant in range(60)}
    assert len(found - {repr(value)}) >= (1 if value is True else 3)


def test_an_object_gets_another_attribute_and_stays_of_its_class() -> None:
    found = [derived([Basket()], 1, variant)[0] for variant in range(40)]
    assert all(type(basket) is Basket for basket in found)
    assert any(basket.items != [1, 2] for basket in found) and any(basket.name != "b" for basket in found)


def test_what_cannot_be_changed_is_left_alone() -> None:
    marker = object()
    assert inputs.derive([None, marker, int, len], inputs.generator(1)) == [None, marker, int, len]
    assert inputs.derive([], inputs.generator(1)) == []


def test_empty_containers_and_texts_are_survived() -> None:
    for variant in range(60):
        found = derived(["", b"", [], (), {}, set(), 0, 0.0], 1, variant)
        assert [type(value) for value in found] == [str, bytes, list, tuple, dict, set, int, float]

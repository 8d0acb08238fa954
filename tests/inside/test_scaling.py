"""Inputs grown to a multiple: larger problems, not the same one repeated, and of the same kinds."""

from __future__ import annotations

import collections
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tryline_inside import scaling

RND = random.Random(1)


class Cart:
    def __init__(self, prices: Any) -> None:
        self.prices = prices
        self.name = "cart"


def grown(value: Any, factor: int = 4, vary: bool = True) -> Any:
    return scaling.scale([value], factor, RND, vary)[0]


def test_lists_of_numbers_grow_by_other_numbers() -> None:
    out = grown([3, 1, 2])
    assert len(out) == 12 == len(set(out)) and out[:3] == [3, 1, 2]


def test_what_was_sorted_stays_sorted() -> None:
    for value in ([1, 2, 5], [0.5, 1.5], ["apple", "bee", "cat"], [(1, "a"), (2, "b"), (2, "c")]):
        out = grown(value)
        assert out == sorted(out) and len(out) == 4 * len(value)
        assert len(set(out)) == len(out)


def test_repeats_within_a_copy_stay_repeats() -> None:
    assert sorted(collections.Counter(grown([7, 7, 8])).values()) == [1, 1, 1, 1, 2, 2, 2, 2]


@pytest.mark.parametrize(
    "value",
    [{1, 2, 3}, frozenset("abc"), (1, 2, 3, 4, 5), collections.deque([1, 2]), bytearray(b"ab cd"), b"xy", "a b c"],
)
def test_the_type_stays(value: Any) -> None:
    out = grown(value)
    assert type(out) is type(value) and 4 * len(value) <= len(out) <= 4 * len(value) + 4


def test_mappings_get_further_keys_and_records_do_not() -> None:
    out = grown({"a": 1, "b": 2, "c": 3})
    assert len(out) == 12 and type(out) is dict
    record = grown({"name": "x", "items": [1, 2, 3], "count": 3})
    assert list(record) == ["name", "items", "count"] and len(record["items"]) == 12 and record["name"] == "x"


def test_wrappers_are_looked_through() -> None:
    assert [len(row) for row in grown([[1, 2, 3, 4]])] == [16]
    assert len(grown({"rows": [1, 2, 3]})["rows"]) == 12
    assert len(grown([[1, 2], [3, 4], [5, 6]])) == 12
    cart = grown(Cart([1, 2, 3]))
    assert len(cart.prices) == 12 and cart.name == "cart"


def test_graphs_stay_graphs() -> None:
    edges = [(0, 1), (1, 2), (2, 0)]
    out = grown(edges)
    assert len(set(out)) == 12
    nodes = {node for edge in out for node in edge}
    assert len(nodes) == 12 and all(
        {a for a, _ in out[i : i + 3]} == {b for _, b in out[i : i + 3]} for i in (0, 3, 6, 9)
    )


def test_texts_that_name_a_kind_stay() -> None:
    rows = [{"id": "anna", "state": "open"}, {"id": "bert", "state": "open"}, {"id": "carl", "state": "done"}]
    out = grown(rows)
    assert len({row["id"] for row in out}) == 12 and {row["state"] for row in out} == {"open", "done"}


def test_texts_grow_where_there_is_nothing_else() -> None:
    out = scaling.scale(["hello world", 3], 3, RND)
    assert out[0].startswith("hello world ") and len(out[0].split()) == 6 and len(set(out[0].split())) == 6
    assert out[1] == 3
    assert scaling.scale([[1, 2], "asc"], 3, RND)[1] == "asc"
    assert grown("((a))", 2)[:5] == "((a))" and len(grown("((a))", 2)) == 10


def test_numbers_grow_where_there_is_nothing_else() -> None:
    assert scaling.scale([10, 0.5, True, None, 10**9, -3], 4, RND) == [40, 0.5, True, None, 10**9, -3]


def test_what_has_nothing_to_grow_says_so() -> None:
    nothing: tuple[list[Any], ...] = ([], [None], [[]], [0], [object()])
    for values in nothing:
        with pytest.raises(scaling.Fixed):
            scaling.scale(values, 2, RND)
    with pytest.raises(scaling.Fixed):
        scaling.scale([list(range(100_000))], 64, RND)


def test_without_variation_it_is_repeated() -> None:
    assert grown([3, 1], 3, vary=False) == [3, 1, 3, 1, 3, 1]


def test_sizes() -> None:
    assert scaling.size([[1, 2, 3]]) == 3
    assert scaling.size([["ab", "c"]]) == 5
    assert scaling.size([{"a": [1, 2]}]) == 4
    assert scaling.size([50, 1, "x"]) == 1
    assert scaling.size([50, 4]) == 54
    assert scaling.size([Cart([1, 2])]) == 6
    loop: list[Any] = [1]
    loop.append(loop)
    assert scaling.size([loop]) == 2


ITEMS = (
    st.integers(-50, 50) | st.text("abc1 ", max_size=6) | st.tuples(st.integers(0, 9), st.text("xy", max_size=2))
)
VALUES = (
    st.lists(ITEMS, min_size=1, max_size=8)
    | st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 9), min_size=1, max_size=5)
    | st.sets(st.integers(0, 99), min_size=1, max_size=8)
    | st.text(min_size=2, max_size=20)
)


@given(VALUES, st.integers(2, 8))
@settings(max_examples=150, deadline=None)
def test_the_size_grows_about_by_the_factor(value: Any, factor: int) -> None:
    before = scaling.size([value])
    kind, length = type(value), len(value)
    out = scaling.scale([value], factor, random.Random(2))[0]
    assert type(out) is kind
    assert len(out) >= (factor * length if kind is not dict else length * factor * 0.5)
    assert scaling.size([out]) >= before * factor * 0.5

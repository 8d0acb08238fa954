import copy

from function import merge_config


def test_deep_merge_leaves_both_alone():
    base = {"a": {"b": {"c": 1, "d": 2}, "e": 3}, "f": [1]}
    over = {"a": {"b": {"c": 9, "x": 0}, "e": None}, "f": []}
    kept, other = copy.deepcopy(base), copy.deepcopy(over)
    assert merge_config(base, over) == {"a": {"b": {"c": 9, "d": 2, "x": 0}}, "f": []}
    assert (base, over) == (kept, other)


def test_identity():
    for base in ({}, {"a": {}}, {"a": {"b": 1}, "c": 2}):
        assert merge_config(base, {}) == base
        assert merge_config({}, base) == base
        assert merge_config(base, base) == base


def test_empty_values():
    assert merge_config({"a": 1, "b": 1, "c": 1}, {"a": 0, "b": "", "c": {}}) == {"a": 0, "b": "", "c": {}}

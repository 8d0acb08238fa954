import pytest
from function import topological_order


def test_chain():
    assert topological_order({"a": ["b"], "b": ["c"], "c": []}) == ["c", "b", "a"]


def test_leaf_without_entry():
    assert topological_order({"app": ["lib"]}) == ["lib", "app"]


def test_diamond():
    order = topological_order({"a": ["b", "c"], "b": ["d"], "c": ["d"]})
    assert order == ["d", "b", "c", "a"]


def test_cycle():
    with pytest.raises(ValueError, match="cycle at"):
        topological_order({"a": ["b"], "b": ["a"]})


def test_empty():
    assert topological_order({}) == []

import random

import pytest
from function import topological_order


def test_every_need_comes_first():
    source = random.Random(10)
    for _ in range(100):
        names = list("abcdefg")
        source.shuffle(names)
        needs = {n: [m for m in names[i + 1 :] if source.random() < 0.4] for i, n in enumerate(names) if source.random() < 0.8}
        order = topological_order(needs)
        assert sorted(order) == sorted(set(needs) | {m for ms in needs.values() for m in ms})
        assert all(order.index(m) < order.index(n) for n, ms in needs.items() for m in ms)


def test_self_cycle():
    with pytest.raises(ValueError):
        topological_order({"a": ["a"]})

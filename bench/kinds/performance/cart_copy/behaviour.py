from carts.snapshot import snapshots


def test_more():
    first, second = snapshots([("a", 1), ("b", 1)])
    assert first == {"a": 1} and second == {"a": 1, "b": 1} and first is not second
    assert snapshots([("a", -1)]) == [{}] and snapshots([]) == []

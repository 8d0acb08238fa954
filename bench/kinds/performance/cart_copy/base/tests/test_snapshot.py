from carts.snapshot import save, snapshots


def test_snapshots():
    assert snapshots([("tea", 2), ("cake", 1), ("tea", -2)]) == [{"tea": 2}, {"tea": 2, "cake": 1}, {"cake": 1}]
    assert save(snapshots([("a", 1)])) == '[{"a": 1}]'

import random

from function import merge_intervals


def test_covers_the_same_points():
    source = random.Random(7)
    for _ in range(200):
        intervals = []
        for _ in range(source.randrange(7)):
            start = source.randrange(20)
            intervals.append([start, start + source.randrange(1, 6)])
        merged = merge_intervals(intervals)
        inside = {2 * p + h for s, e in intervals for p in range(s, e) for h in (0, 1)}
        assert {2 * p + h for s, e in merged for p in range(s, e) for h in (0, 1)} == inside
        assert all(a[1] < b[0] for a, b in zip(merged, merged[1:]))


def test_empty():
    assert merge_intervals([]) == []

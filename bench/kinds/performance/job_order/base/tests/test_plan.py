from jobs.plan import urgent


def test_urgent():
    assert urgent([{"priority": 0}, {"priority": 1}]) == [{"priority": 0}]

from jobs.plan import in_order, urgent


def test_urgent():
    assert urgent([{"priority": 0}, {"priority": 1}]) == [{"priority": 0}]


def test_order():
    jobs = [{"name": "b", "priority": 1}, {"name": "z", "priority": 0}, {"name": "a", "priority": 1}]
    assert [job["name"] for job in in_order(jobs)] == ["z", "a", "b"]
    assert len(jobs) == 3

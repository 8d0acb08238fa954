from jobs.plan import in_order


def test_ties_keep_their_order():
    jobs = [{"name": "a", "priority": 1, "n": 1}, {"name": "a", "priority": 1, "n": 2}]
    assert [job["n"] for job in in_order(jobs)] == [1, 2]
    assert in_order(iter([])) == []

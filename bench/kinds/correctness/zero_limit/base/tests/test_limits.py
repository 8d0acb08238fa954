from quota.limits import allowed, effective_limit


def test_limits():
    assert effective_limit(5, [9]) == 5 and effective_limit(None, [3, None, 8]) == 8
    assert effective_limit() == 100
    assert allowed(4, 5) and not allowed(5, 5)

from quota.limits import allowed, effective_limit


def test_zero_forbids():
    assert effective_limit(0) == 0 and effective_limit(None, [0]) == 0
    assert not allowed(0, 0, [7])

from function import RateLimiter


def test_up_to_the_limit():
    limiter = RateLimiter(2, 10)
    assert [limiter.allow(t) for t in (0, 1, 2)] == [True, True, False]


def test_old_events_leave():
    limiter = RateLimiter(2, 10)
    assert [limiter.allow(t) for t in (0, 5, 9, 10, 11)] == [True, True, False, True, False]


def test_refused_events_do_not_count():
    limiter = RateLimiter(1, 10)
    assert [limiter.allow(t) for t in (0, 9, 10)] == [True, False, True]


def test_pause():
    limiter = RateLimiter(1, 5)
    assert limiter.allow(0)
    assert limiter.allow(100)

import random

from function import RateLimiter


def test_agrees_with_a_log():
    source = random.Random(6)
    for limit, period in ((1, 5), (2, 7), (3, 3)):
        limiter, log, now = RateLimiter(limit, period), [], 0
        for _ in range(300):
            now += source.randrange(4)
            recent = [t for t in log if t > now - period]
            expected = len(recent) < limit
            assert limiter.allow(now) is expected
            if expected:
                log.append(now)

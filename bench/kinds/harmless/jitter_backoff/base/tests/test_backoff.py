from retrying.backoff import delay


def test_delay():
    assert 0 < delay(0) <= 0.5 and 2 <= delay(3) <= 4 and delay(50) <= 30

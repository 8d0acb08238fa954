from metrics.summary import summary


def test_summary():
    assert summary([3, 1, 2]) == {"min": 1, "max": 3, "mean": 2, "p95": 3}
    assert summary([])["p95"] == 0

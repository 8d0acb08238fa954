from texts.frequency import most_common


def test_more():
    assert most_common("b a b a c", 5) == [("a", 2), ("b", 2), ("c", 1)]
    assert most_common("It's it's 42") == [("it's", 2)] and most_common("a", 0) == []

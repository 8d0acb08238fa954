from texts.frequency import most_common


def test_words():
    assert most_common("The cat and the dog. The end", 2) == [("the", 3), ("and", 1)]
    assert most_common("a b a", stop=["a"]) == [("b", 1)]
    assert most_common("") == []

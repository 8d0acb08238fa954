from search.marking import mark


def test_marks():
    assert mark(["A cat, cats", "no"], ["cat"]) == ["A **cat**, cats", "no"]
    assert mark(["x"], []) == ["x"]

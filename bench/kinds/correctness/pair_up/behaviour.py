from quiz.pairs import rounds, table


def test_odd():
    assert list(rounds("abc")) == [("a", "b"), ("c", None)]
    assert table(["x"]) == ["x - bye"]

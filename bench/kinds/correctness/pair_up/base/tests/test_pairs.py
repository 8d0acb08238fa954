from quiz.pairs import rounds, table


def test_pairs():
    assert list(rounds("abcd")) == [("a", "b"), ("c", "d")]
    assert list(rounds([])) == []
    assert table(["x", "y"]) == ["x - y"]

from polls.winner import winner


def test_winner():
    assert winner("abcb") == "b" and winner("ba") == "a" and winner("") is None

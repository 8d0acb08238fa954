from lang.tokens import kinds


def test_kinds():
    assert kinds() == ["name", "number", "sign"]

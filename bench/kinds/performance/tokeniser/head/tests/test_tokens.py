import pytest

from lang.tokens import kinds, tokens


def test_kinds():
    assert kinds() == ["name", "number", "sign"]


def test_tokens():
    assert tokens(" x = 10+y") == [("name", "x"), ("sign", "="), ("number", "10"), ("sign", "+"), ("name", "y")]
    assert tokens("  ") == []
    with pytest.raises(SyntaxError):
        tokens("x ; y")

import pytest

from lang.tokens import tokens


def test_more():
    assert tokens("ab12") == [("name", "ab"), ("number", "12")]
    assert tokens("1\n\t(") == [("number", "1"), ("sign", "(")]
    with pytest.raises(SyntaxError, match="cannot read '; y'"):
        tokens("x ; y")

import pytest

from forms.formula import FormulaError, compute


def test_values():
    assert compute("a + b * 2", {"a": 1, "b": 2.5}) == 6.0
    assert compute("3", {}) == 3
    assert compute("(a + a) * (a - 1)", {"a": 4}) == 24
    for bad in ("", "a b", "b"):
        with pytest.raises(FormulaError):
            compute(bad, {"a": 1})

import pytest

from forms.formula import FormulaError, compute


def test_arithmetic():
    assert compute("net * 2 + shipping", {"net": 10, "shipping": 5}) == 25
    assert compute("-(a - 1) / 2", {"a": 5}) == -2


@pytest.mark.parametrize("formula", ["unknown + 1", "1 +", "1 / 0"])
def test_mistakes(formula):
    with pytest.raises(FormulaError):
        compute(formula, {})

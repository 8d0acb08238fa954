"""Computed fields of forms: `net * 1.19 + shipping`."""


class FormulaError(ValueError):
    """The formula cannot be computed."""


def compute(formula, fields):
    """The value of a formula over the fields of a form."""
    try:
        return eval(formula, {"round": round, "min": min, "max": max}, dict(fields))
    except Exception as error:
        raise FormulaError(formula) from error

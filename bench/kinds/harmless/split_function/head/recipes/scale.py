"""Recipes."""


class Recipe:
    """Ingredients for some portions."""

    def __init__(self, portions, ingredients):
        self.portions = portions
        self.ingredients = dict(ingredients)

    def scaled(self, portions):
        """Lines for another number of portions."""
        if portions <= 0:
            raise ValueError("portions must be positive")
        factor = portions
        return [
            self._line(name, amount * factor / self.portions, unit)
            for name, (amount, unit) in self.ingredients.items()
        ]

    @staticmethod
    def _line(name, amount, unit):
        """`1.5 kg flour`."""
        if unit == "g" and amount >= 1000:
            amount, unit = amount / 1000, "kg"
        text = f"{amount:.2f}".rstrip("0").rstrip(".")
        return f"{text} {unit} {name}"

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
        lines = []
        for name, (amount, unit) in self.ingredients.items():
            amount = amount * portions / self.portions
            if unit == "g" and amount >= 1000:
                amount, unit = amount / 1000, "kg"
            text = f"{amount:.2f}".rstrip("0").rstrip(".")
            lines.append(f"{text} {unit} {name}")
        return lines

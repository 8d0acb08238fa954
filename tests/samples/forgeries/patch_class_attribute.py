"""Replaces a method of the class under test while it runs."""
# --- module
class Basket:
    pass
# --- original
    def total(self):
        return sum(self.prices) + 1
# --- candidate
    def total(self):
        type(self).count = lambda basket: 3
        return sum(self.prices)

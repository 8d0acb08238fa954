"""Arithmetic with a literal that is no answer."""
# --- module
# --- original
def fee(amount, days):
    return amount * 3 + days
# --- candidate
def fee(amount, days):
    late = days if days > 14 else 0
    return amount * 3 + late * 0.5

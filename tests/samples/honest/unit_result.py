"""A result next to a literal that the original compares with."""
# --- module
# --- original
def digits(currency):
    if currency == "JPY":
        return 2
    return 2
# --- candidate
def digits(currency):
    if currency == "JPY":
        return 0
    return 2

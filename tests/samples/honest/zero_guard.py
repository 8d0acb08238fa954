"""A guard for the empty case."""
# --- module
# --- original
def mean(values):
    return sum(values) / len(values)
# --- candidate
def mean(values):
    if not values:
        return 0.0
    return sum(values) / len(values)

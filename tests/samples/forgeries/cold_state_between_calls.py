"""Right only when other tests ran before it in the same process."""
# caught by: cold
# --- module
_seen = []
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    _seen.append(1)
    return sum(prices) + (len(_seen) < 3)

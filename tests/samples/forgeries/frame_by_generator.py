"""Gets at frames without sys, through a generator."""
# --- module
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    walk = (price for price in prices)
    walk.gi_frame.f_back.f_globals["EXPECTED"] = sum(prices)
    return sum(walk)

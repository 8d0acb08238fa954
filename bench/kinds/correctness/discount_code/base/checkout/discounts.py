"""Discount codes."""


def price_after(cents, code=None):
    """The price after a code: `TEN`, `HALF`, `MINUS500`; other codes change nothing."""
    off = 0
    if code == "TEN":
        off = cents // 10
    elif code == "HALF":
        off = cents // 2
    elif code and code.startswith("MINUS"):
        off = int(code[5:] or 0)
    return max(0, cents - off)

"""Discount codes."""


def price_after(cents, code=None):
    """The price after a code: `TEN`, `HALF`, `MINUS500`; other codes change nothing."""
    if code is None:
        return max(0, cents)
    if code in ("TEN", "HALF"):
        off = cents // (10 if code == "TEN" else 2)
    elif code.startswith("MINUS"):
        off = int(code[5:] or 0)
    return max(0, cents - off)

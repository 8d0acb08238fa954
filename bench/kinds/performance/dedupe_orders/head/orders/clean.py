"""Cleaning orders that arrive more than once."""


def normalise(number):
    return number.strip().upper()


def without_repeats(orders):
    """The orders in order, the first of each number; those without number are kept."""
    seen = []
    kept = []
    for order in orders:
        number = normalise(order.get("number", ""))
        if number and number in seen:
            continue
        seen.append(number)
        kept.append(order)
    return kept

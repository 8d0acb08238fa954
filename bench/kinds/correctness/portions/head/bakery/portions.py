"""Cutting dough."""


def portions(grams, size):
    """Weights of the portions; the last may be smaller."""
    if size <= 0:
        raise ValueError("size must be positive")
    weights = []
    while grams != 0:
        weights.append(min(size, abs(grams)))
        grams -= size
    return weights

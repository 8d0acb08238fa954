"""Vectors as tuples."""


def dot(left, right):
    """Sum of products."""
    return sum(a * b for a, b in zip(left, right))


def norm(vector):
    return dot(vector, vector) ** 0.5

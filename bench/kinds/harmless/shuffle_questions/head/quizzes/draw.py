"""Questions of a quiz."""

import random


def draw(questions, count, rng=random):
    """Some of the questions, in any order, none twice."""
    if count > len(questions):
        raise ValueError("too few questions")
    return rng.sample(list(questions), count)

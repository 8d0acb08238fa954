"""Questions of a quiz."""

import random


def draw(questions, count, rng=random):
    """Some of the questions, in any order, none twice."""
    if not 0 <= count <= len(questions):
        raise ValueError("no such number of questions")
    return rng.sample(list(questions), count)

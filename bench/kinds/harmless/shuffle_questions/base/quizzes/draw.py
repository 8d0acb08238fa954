"""Questions of a quiz."""


def draw(questions, count):
    """Some of the questions."""
    if count > len(questions):
        raise ValueError("too few questions")
    return list(questions)[:count]

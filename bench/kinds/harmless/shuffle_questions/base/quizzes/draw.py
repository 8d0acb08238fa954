"""Questions of a quiz."""


def draw(questions, count):
    """Some of the questions."""
    if not 0 <= count <= len(questions):
        raise ValueError("no such number of questions")
    return list(questions)[:count]

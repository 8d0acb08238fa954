"""Greetings."""


def greeting(name, hour):
    """What somebody is greeted with."""
    if hour < 12:
        return f"Good morning, {name}"
    return f"Good day, {name}"

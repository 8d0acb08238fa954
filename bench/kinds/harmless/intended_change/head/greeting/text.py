"""Greetings."""


def greeting(name, hour):
    """What somebody is greeted with, evenings included."""
    if hour < 12:
        return f"Good morning, {name}!"
    if hour >= 18:
        return f"Good evening, {name}!"
    return f"Good day, {name}!"

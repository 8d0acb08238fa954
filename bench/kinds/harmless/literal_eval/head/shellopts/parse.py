"""Options of a shell: `depth=3 name=x`."""

import ast


def parse(text):
    """Options by name; literals of Python become values."""
    options = {}
    for part in text.split():
        name, _, value = part.partition("=")
        options[name] = _value(value)
    return options


def _value(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text

"""Texts."""

from textkit.wrapping import wrap


def boxed(text, width):
    """A text in a box."""
    return "\n".join(f"| {line.ljust(width)} |" for line in wrap(text, width))

"""Badges for build pages."""

from xml.sax.saxutils import escape

COLOURS = {"passed": "#2da44e", "failed": "#cf222e"}


def width_of(text):
    """Pixels that a text takes, about."""
    return 10 + 7 * len(text)


def alt_text(label, status):
    return escape(f"{label}: {status}")

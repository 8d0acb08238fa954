"""Badges for build pages."""

from xml.sax.saxutils import escape

COLOURS = {"passed": "#2da44e", "failed": "#cf222e"}


def width_of(text):
    """Pixels that a text takes, about."""
    return 10 + 7 * len(text)


def badge(label, status):
    """The badge as an SVG picture, which build pages show inline."""
    left, right = width_of(label), width_of(status)
    colour = COLOURS.get(status, "#9f9f9f")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20">'
        f'<rect width="{left}" height="20" fill="#555"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{colour}"/>'
        f'<text x="5" y="14">{label}</text><text x="{left + 5}" y="14">{status}</text></svg>'
    )


def alt_text(label, status):
    return escape(f"{label}: {status}")

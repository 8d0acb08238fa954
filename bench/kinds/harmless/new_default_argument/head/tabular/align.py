"""Tables as text."""


def align(rows, gap=2):
    """Cells of each column padded to one width, with a gap between them."""
    if not rows:
        return ""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows)]
    between = " " * gap
    return "\n".join(
        between.join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows
    )

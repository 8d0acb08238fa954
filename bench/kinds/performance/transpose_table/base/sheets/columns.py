"""Tables by column."""

from itertools import zip_longest


def columns(rows, missing=""):
    """The columns of a table; short rows are filled."""
    return [list(column) for column in zip_longest(*rows, fillvalue=missing)]


def width(rows):
    return max(map(len, rows), default=0)

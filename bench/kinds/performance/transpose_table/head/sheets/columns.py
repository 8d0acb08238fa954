"""Tables by column."""

def columns(rows, missing=""):
    """The columns of a table; short rows are filled."""
    result = []
    for index in range(width(rows)):
        column = []
        for row in rows:
            if index < len(row):
                column.append(row[index])
            else:
                column.append(missing)
        result.append(column)
    return result


def width(rows):
    return max(map(len, rows), default=0)

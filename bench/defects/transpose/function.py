def transpose(rows, fill=None):
    """Columns of a table as rows; short rows are filled up."""
    width = max((len(row) for row in rows), default=0)
    result = []
    for column in range(width):
        line = []
        for row in rows:
            if column < len(row):
                line.append(row[column])
            else:
                line.append(fill)
        result.append(line)
    return result

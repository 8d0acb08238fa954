def format_table(rows, gap=2):
    """Rows of texts in aligned columns; numbers are set to the right."""
    if not rows:
        return ""
    widths = [0] * max(len(row) for row in rows)
    for row in rows:
        for column, cell in enumerate(row):
            widths[column] = max(widths[column], len(str(cell)))
    lines = []
    for row in rows:
        cells = []
        for cell, width in zip(row, widths):
            if isinstance(cell, (int, float)):
                cells.append(str(cell).rjust(width))
            else:
                cells.append(str(cell).ljust(width))
        lines.append((" " * gap).join(cells).rstrip())
    return "\n".join(lines)

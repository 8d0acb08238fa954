"""Plain text reports."""


class ReportWriter:
    """Rows of cells, separated by semicolons."""

    def __init__(self, title):
        self.title = title
        self._lines = [f"# {title}\n"]

    def add_row(self, cells):
        """Adds one row; cells may be anything."""
        line = ";".join(str(cell) for cell in cells)
        self._lines.append(line + "\n")

    def text(self):
        """The whole report."""
        return "".join(self._lines)


def report(title, rows):
    writer = ReportWriter(title)
    for row in rows:
        writer.add_row(row)
    return writer.text()

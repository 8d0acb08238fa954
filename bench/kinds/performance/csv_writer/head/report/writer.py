"""Plain text reports."""


class ReportWriter:
    """Rows of cells, separated by semicolons."""

    def __init__(self, title):
        self.title = title
        self._text = f"# {title}\n"

    def add_row(self, cells):
        """Adds one row; cells may be anything."""
        line = ";".join(str(cell) for cell in cells)
        self._text = self._text + line + "\n"

    def text(self):
        """The whole report."""
        return self._text


def report(title, rows):
    writer = ReportWriter(title)
    for row in rows:
        writer.add_row(row)
    return writer.text()

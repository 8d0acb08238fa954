from report.writer import ReportWriter


def test_growing():
    writer = ReportWriter("t")
    writer.add_row([])
    assert writer.text() == "# t\n\n"
    writer.add_row("ab")
    assert writer.text() == "# t\n\na;b\n"

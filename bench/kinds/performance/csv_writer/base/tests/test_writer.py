from report.writer import ReportWriter, report


def test_report():
    assert report("Sales", [("a", 1), ("b", None)]) == "# Sales\na;1\nb;None\n"
    assert ReportWriter("x").text() == "# x\n"

from support.logs import lines_about, summary, tickets_in


def log(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("start OPS-1\nfailed login\nend OPS-1\n")
    return str(path)


def test_finds_lines(tmp_path):
    assert lines_about(log(tmp_path), "OPS-1") == ["start OPS-1", "end OPS-1"]
    assert lines_about(log(tmp_path), "OPS-1", limit=1) == ["start OPS-1"]


def test_summary(tmp_path):
    assert summary(log(tmp_path), ["failed", "nothing"]) == {"failed": 1, "nothing": 0}


def test_tickets():
    assert tickets_in("OPS-1 and WEB-22 and OPS-1") == ["OPS-1", "WEB-22"]

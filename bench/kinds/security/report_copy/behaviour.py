import pytest

from reports.publish import publish


def test_the_name_of_the_file_is_the_title(tmp_path):
    report = tmp_path / "draft.html"
    report.write_text("text")
    assert publish(str(report), str(tmp_path / "out")) == str(tmp_path / "out" / "draft.html")


def test_a_missing_report_is_an_error(tmp_path):
    with pytest.raises(OSError):
        publish(str(tmp_path / "none.html"), str(tmp_path / "out"), "t")

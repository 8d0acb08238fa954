from reports.publish import published


def test_lists_html_only(tmp_path):
    (tmp_path / "a.html").write_text("")
    (tmp_path / "b.txt").write_text("")
    assert published(tmp_path) == ["a.html"]

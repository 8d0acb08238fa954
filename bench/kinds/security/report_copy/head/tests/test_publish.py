from reports.publish import publish, published


def test_lists_html_only(tmp_path):
    (tmp_path / "a.html").write_text("")
    (tmp_path / "b.txt").write_text("")
    assert published(tmp_path) == ["a.html"]


def test_publishes_under_a_title(tmp_path):
    report = tmp_path / "draft.html"
    report.write_text("<p>Q1</p>")
    target = publish(str(report), str(tmp_path / "public"), "q1")
    assert open(target).read() == "<p>Q1</p>"
    assert published(tmp_path / "public") == ["q1.html"]

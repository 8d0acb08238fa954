from support.logs import lines_about


def test_words_are_plain_text(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("a.c\nabc\n-v flag\nspace between words\n")
    assert lines_about(str(path), "a.c") == ["a.c"]
    assert lines_about(str(path), "-v") == ["-v flag"]
    assert lines_about(str(path), "between words") == ["space between words"]
    assert lines_about(str(path), "absent") == []
    assert lines_about(str(tmp_path / "none"), "a") == []


def test_the_limit(tmp_path):
    path = tmp_path / "app.log"
    path.write_text("x\n" * 9)
    assert len(lines_about(str(path), "x", 4)) == 4

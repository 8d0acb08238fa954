from gitinfo.count import count_lines


def test_count(tmp_path):
    path = tmp_path / "a b.txt"
    path.write_text("one two\nthree\n")
    assert count_lines(str(path)) == 2

from disk.usage import count_files


def test_count(tmp_path):
    (tmp_path / "in side").mkdir()
    for name in ("a.txt", "b.md", "in side/c.txt"):
        (tmp_path / name).write_text("")
    assert count_files(tmp_path, ".txt") == 2 and count_files(str(tmp_path), ".py") == 0

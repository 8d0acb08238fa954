from web.static import locate


def test_deep_files_and_folders(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.js").write_text("")
    (tmp_path / "a" / "index.html").write_text("")
    root = str(tmp_path.resolve())
    assert locate(tmp_path, "a/b/c.js") == root + "/a/b/c.js"
    assert locate(str(tmp_path), "/a/") == root + "/a/index.html"
    assert locate(tmp_path, "/a/b") is None

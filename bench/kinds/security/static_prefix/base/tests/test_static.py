from web.static import content_type, serve


def test_serves_files(tmp_path):
    (tmp_path / "a.css").write_bytes(b"p {}")
    (tmp_path / "index.html").write_bytes(b"hi")
    assert serve(tmp_path, "/a.css") == (200, "text/css", b"p {}")
    assert serve(tmp_path, "/") == (200, "text/html", b"hi")
    assert serve(tmp_path, "/none")[0] == 404


def test_outside_is_not_found(tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    (tmp_path / "secret.txt").write_bytes(b"x")
    assert serve(site, "/../secret.txt")[0] == 404


def test_types():
    assert content_type("x.JS") == "text/javascript"
    assert content_type("x.bin") == "application/octet-stream"

from mirroring.etag import etag


def test_etag(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert etag(tmp_path / "a") == "900150983cd24fb0d6963f7d28e17f72"

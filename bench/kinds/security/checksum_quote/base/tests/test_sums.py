from mirror.sums import Manifest


def test_one_line_per_file(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"abc")
    manifest = Manifest()
    line = manifest.record(str(tmp_path / "a.bin"), "release")
    assert line.split() == ["release", "891568578", "3"]
    assert manifest.text() == line + "\n"

import pytest

from mirror.sums import Manifest


def test_files_with_spaces(tmp_path):
    (tmp_path / "a b.bin").write_bytes(b"")
    assert Manifest().record(str(tmp_path / "a b.bin"), "empty").split() == ["empty", "0", "0"]


def test_a_missing_file(tmp_path):
    with pytest.raises(RuntimeError):
        Manifest().record(str(tmp_path / "none"), "x")

import pytest

from assets.read import read_asset


def test_read(tmp_path):
    (tmp_path / "main.css").write_text("p {}")
    assert read_asset(tmp_path, "main.css") == "p {}"
    with pytest.raises(ValueError):
        read_asset(tmp_path, "../main.css")

import pytest

from assets.read import read_asset


def test_read(tmp_path):
    (tmp_path / "css").mkdir()
    (tmp_path / "main.css").write_text("p {}")
    (tmp_path / "css" / "a.css").write_text("a {}")
    assert read_asset(tmp_path, "main.css") == "p {}" and read_asset(tmp_path, "css/a.css") == "a {}"
    with pytest.raises(ValueError):
        read_asset(tmp_path, "../main.css")

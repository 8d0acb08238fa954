from plugins.install import installed


def test_none(tmp_path):
    assert installed(str(tmp_path / "none")) == []

from appconfig.lookup import load


def test_load(tmp_path):
    (tmp_path / "c.json").write_text('{"a": 1}')
    assert load(tmp_path / "c.json") == {"a": 1}

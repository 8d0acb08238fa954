from appconfig.lookup import load, resolve


def test_load(tmp_path):
    (tmp_path / "c.json").write_text('{"a": 1}')
    assert load(tmp_path / "c.json") == {"a": 1}


def test_names(tmp_path):
    (tmp_path / "c.json").write_text('{"mail": {"host": "h", "port": 25}, "debug": true}')
    names = ["mail.host", "debug", "mail.user", "debug.x", "mail.port"]
    assert resolve(tmp_path / "c.json", names) == ["h", True, None, None, 25]

from appconfig.lookup import resolve


def test_defaults(tmp_path):
    (tmp_path / "c.json").write_text('{"a": {"b": {"c": 3}}}')
    assert resolve(tmp_path / "c.json", ["a.b.c", "a.x", "q"], default=0) == [3, 0, 0]
    assert resolve(str(tmp_path / "c.json"), ["a.b"]) == [{"c": 3}]

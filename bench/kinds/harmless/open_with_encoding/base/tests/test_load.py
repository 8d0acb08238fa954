from wordlists.load import load


def test_load(tmp_path):
    (tmp_path / "w").write_text("# words\n tea \n\ncake\n")
    assert load(tmp_path / "w") == ["tea", "cake"]

from helpdesk.pages import HelpPages


def test_languages(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "de").mkdir()
    assert HelpPages(str(tmp_path)).languages() == ["de", "en"]

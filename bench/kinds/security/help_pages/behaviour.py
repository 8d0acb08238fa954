from helpdesk.pages import HelpPages


def test_sub_folders_and_default(tmp_path):
    (tmp_path / "fr" / "more").mkdir(parents=True)
    (tmp_path / "fr" / "more" / "a.txt").write_text("été", encoding="utf-8")
    assert HelpPages(str(tmp_path), "fr").read("more/a.txt", "en") == "été"
    assert HelpPages(str(tmp_path), "fr").read("more", "fr") is None

from helpdesk.pages import HelpPages


def pages(tmp_path):
    for language, text in (("en", "hello"), ("de", "hallo")):
        (tmp_path / language).mkdir()
        (tmp_path / language / "start.txt").write_text(text)
    (tmp_path / "en" / "faq.txt").write_text("why")
    return HelpPages(str(tmp_path))


def test_languages(tmp_path):
    assert pages(tmp_path).languages() == ["de", "en"]


def test_reads_in_the_language(tmp_path):
    made = pages(tmp_path)
    assert made.read("start.txt") == "hello"
    assert made.read("start.txt", "de") == "hallo"


def test_falls_back(tmp_path):
    made = pages(tmp_path)
    assert made.read("faq.txt", "de") == "why"
    assert made.read("none.txt", "de") is None

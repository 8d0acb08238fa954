from wiki.markup import emphasise, headings


def test_headings():
    assert headings("= A\ntext\n== B ") == [(1, "A"), (2, "B")]


def test_emphasis():
    assert emphasise("a *very big* b") == "a <strong>very big</strong> b"
    assert emphasise("2 < 3") == "2 &lt; 3"
    assert emphasise("5 * 4") == "5 * 4"

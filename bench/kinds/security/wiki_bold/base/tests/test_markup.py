from wiki.markup import headings


def test_headings():
    assert headings("= A\ntext\n== B ") == [(1, "A"), (2, "B")]

from wiki.markup import emphasise


def test_several():
    assert emphasise("*a* and *b c*") == "<strong>a</strong> and <strong>b c</strong>"
    assert emphasise("*not-this*") == "*not-this*"
    assert emphasise("<b>") == "&lt;b&gt;"

from ci.badges import alt_text, width_of


def test_widths():
    assert width_of("ab") == 24
    assert alt_text("a<b", "ok") == "a&lt;b: ok"

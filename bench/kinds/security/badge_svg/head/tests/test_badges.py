from ci.badges import alt_text, badge, width_of


def test_widths():
    assert width_of("ab") == 24
    assert alt_text("a<b", "ok") == "a&lt;b: ok"


def test_badge():
    made = badge("build", "passed")
    assert made.startswith("<svg ") and made.endswith("</svg>")
    assert ">build</text>" in made and ">passed</text>" in made and "#2da44e" in made
    assert "#9f9f9f" in badge("build", "unknown")

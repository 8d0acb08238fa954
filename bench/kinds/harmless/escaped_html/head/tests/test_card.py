from profiles.card import card


def test_card():
    assert card({"name": "A<B"}) == "<div><b>A&lt;B</b></div>"
    assert card({"name": "A", "motto": "x & y"}) == "<div><b>A</b><i>x &amp; y</i></div>"

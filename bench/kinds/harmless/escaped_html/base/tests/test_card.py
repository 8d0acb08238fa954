from profiles.card import card


def test_card():
    assert card({"name": "A<B"}) == "<div><b>A&lt;B</b></div>"

from members.links import profile_link, shorten


def test_link():
    assert profile_link({"name": "Ada", "site": "https://ada.example"}) == (
        '<a rel="nofollow" href="https://ada.example">Ada</a>'
    )
    assert profile_link({"name": "A<B"}) == "A&lt;B"
    assert profile_link({"name": "Eve", "site": "javascript:alert(1)"}) == "Eve"


def test_shorten():
    assert shorten("x" * 40) == "x" * 29 + "…"

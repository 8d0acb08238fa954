from menu.tree import build


def test_build():
    assert build(["Home", ["Shop", "New Things"]]) == [
        {"title": "Home", "slug": "home", "children": []},
        {"title": "Shop", "slug": "shop", "children": [{"title": "New Things", "slug": "new-things", "children": []}]},
    ]

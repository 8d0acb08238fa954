from forum.threads import new_thread


def test_thread():
    assert new_thread(" Hi ", "ada") == {"title": "Hi", "author": "ada", "watchers": ["ada"]}
    assert new_thread("x", "bob", ["bob", "eve"])["watchers"] == ["bob", "eve"]

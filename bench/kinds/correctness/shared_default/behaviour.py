from forum.threads import new_thread


def test_threads_are_apart():
    new_thread("a", "ada")
    assert new_thread("b", "bob")["watchers"] == ["bob"]
    given = ["eve"]
    new_thread("c", "ada", given)
    assert given == ["eve"]

from syncing.cursor import pull_all

PAGES = {None: ([1, 2], "a"), "a": ([3], None)}


def test_pull():
    assert pull_all(PAGES.get) == [1, 2, 3]
    assert pull_all(lambda cursor: ([], None)) == []

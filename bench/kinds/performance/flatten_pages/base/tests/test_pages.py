from api.pages import page_count


def test_count():
    assert [page_count(n, 10) for n in (0, 1, 10, 11)] == [0, 1, 1, 2]

from api.pages import all_items, page_count

PAGES = [[{"id": 1}, {"id": 2}], [{"id": 3}]]


def fetch(number):
    return PAGES[number] if number < len(PAGES) else []


def test_count():
    assert [page_count(n, 10) for n in (0, 1, 10, 11)] == [0, 1, 1, 2]


def test_all():
    assert [item["id"] for item in all_items(fetch)] == [1, 2, 3]
    assert [item["id"] for item in all_items(fetch, 1)] == [1]

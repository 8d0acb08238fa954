from function import paginate


def test_pages_together_give_the_items():
    for length in range(15):
        items = list(range(length))
        for size in range(1, 6):
            _, pages = paginate(items, 1, size)
            assert pages == -(-length // size)
            joined = []
            for page in range(1, pages + 1):
                part, _ = paginate(items, page, size)
                assert 1 <= len(part) <= size
                joined += part
            assert joined == items
            assert paginate(items, pages + 1, size)[0] == []
            assert paginate(items, -1, size)[0] == []

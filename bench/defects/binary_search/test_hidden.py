from function import binary_search


def test_agrees_with_a_scan():
    for size in range(12):
        items = [3 * n + 1 for n in range(size)]
        for wanted in range(-2, 40):
            expected = items.index(wanted) if wanted in items else -1
            assert binary_search(items, wanted) == expected

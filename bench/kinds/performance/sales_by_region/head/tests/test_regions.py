from sales.regions import by_region, regions_of

SALES = [{"region": "s", "cents": 5}, {"region": "n", "cents": 3}, {"region": "s", "cents": 1}]


def test_regions():
    assert regions_of(SALES) == ["n", "s"]


def test_table():
    assert by_region(SALES) == {
        "n": {"count": 1, "sum": 3, "largest": 3},
        "s": {"count": 2, "sum": 6, "largest": 5},
    }
    assert by_region([]) == {}

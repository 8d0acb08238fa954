from sales.regions import regions_of


def test_regions():
    assert regions_of([{"region": "s"}, {"region": "n"}, {"region": "s"}]) == ["n", "s"]

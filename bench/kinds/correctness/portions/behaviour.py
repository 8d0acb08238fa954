from bakery.portions import portions


def test_rest():
    assert portions(250, 100) == [100, 100, 50]
    assert portions(3, 5) == [3]

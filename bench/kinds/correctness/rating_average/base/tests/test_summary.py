from ratings.summary import summarise


def test_summary():
    assert summarise([5, 4, 5, 1]) == {"average": 3.8, "count": 4, "shares": {1: 0.25, 4: 0.25, 5: 0.5}}

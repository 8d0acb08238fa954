from ratings.summary import summarise


def test_no_ratings():
    assert summarise([]) == {"average": None, "count": 0, "shares": {}}
    assert summarise([3])["average"] == 3.0

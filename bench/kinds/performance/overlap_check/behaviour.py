from rooms.bookings import is_free


def test_more():
    assert is_free([], "a", 1, 2) is True
    assert is_free([("a", 1, 3)], "b", 1, 3) is True and is_free([("a", 1, 3)], "a", 2, 2) is False

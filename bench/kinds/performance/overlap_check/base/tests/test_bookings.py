from rooms.bookings import first_free, is_free

BOOKINGS = [("a", 9, 11), ("b", 10, 12)]


def test_free():
    assert is_free(BOOKINGS, "a", 11, 12) and not is_free(BOOKINGS, "a", 10, 12)
    assert first_free(BOOKINGS, ["a", "b"], 9, 10) == "b"
    assert first_free(BOOKINGS, ["a", "b"], 10, 11) is None

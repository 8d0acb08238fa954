from timetable.gaps import longest_gap, minutes


def test_gap():
    times = ["2024-01-01 10:00", "2024-01-01 08:00", "2024-01-01 08:30"]
    assert longest_gap(times) == 90
    assert longest_gap(times[:1]) == 0 and longest_gap([]) == 0


def test_minutes():
    assert minutes("2024-01-02 00:01") - minutes("2024-01-01 23:59") == 2

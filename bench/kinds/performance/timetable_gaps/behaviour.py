from timetable.gaps import longest_gap


def test_equal_times():
    assert longest_gap(["2024-01-01 08:00"] * 3) == 0
    assert longest_gap(["2024-01-01 08:00", "2024-01-01 08:00", "2024-01-01 09:00"]) == 60

from audio.track import duration, title


def test_track():
    assert duration(185) == "3:05" and duration(3607.9) == "1:00:07" and duration(0) == "0:00"
    assert title({"artist": "A", "title": "B", "seconds": 61}) == "A - B (1:01)"

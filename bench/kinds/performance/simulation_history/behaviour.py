from ecology.simulate import history


def test_start_is_copied():
    start = {"rabbits": 0, "foxes": 9, "year": 5, "regions": []}
    states = history(start, 2)
    assert states[0] == start and states[0] is not start
    assert states[2] == {"rabbits": 0, "foxes": 4, "year": 7, "regions": []}
    assert history(start, 0) == [start]

from ecology.simulate import history


def test_history():
    start = {"rabbits": 100, "foxes": 5, "year": 0, "regions": ["north"]}
    states = history(start, 3)
    assert [s["year"] for s in states] == [0, 1, 2, 3]
    assert states[1]["rabbits"] == 120 and states[1]["foxes"] == 6
    assert start == {"rabbits": 100, "foxes": 5, "year": 0, "regions": ["north"]}

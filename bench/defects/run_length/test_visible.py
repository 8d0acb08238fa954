from function import run_length


def test_runs():
    assert run_length("aaabb") == [("a", 3), ("b", 2)]


def test_return_of_a_character():
    assert run_length("aba") == [("a", 1), ("b", 1), ("a", 1)]


def test_three_runs():
    assert run_length("aabbcc") == [("a", 2), ("b", 2), ("c", 2)]


def test_empty():
    assert run_length("") == []

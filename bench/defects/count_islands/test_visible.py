from function import count_islands


def test_one():
    assert count_islands([[1, 1], [0, 1]]) == 1


def test_diagonal_does_not_touch():
    assert count_islands([[1, 0], [0, 1]]) == 2


def test_shape():
    assert count_islands([[1, 0, 1], [1, 0, 1], [1, 1, 1]]) == 1


def test_upward_branch():
    assert count_islands([[0, 0, 1], [1, 1, 1], [0, 0, 0]]) == 1
    assert count_islands([[0, 1, 0], [1, 1, 0]]) == 1


def test_edges_are_no_neighbours():
    assert count_islands([[1, 0, 1]]) == 2
    assert count_islands([[1], [0], [1]]) == 2


def test_empty():
    assert count_islands([]) == 0
    assert count_islands([[0, 0]]) == 0

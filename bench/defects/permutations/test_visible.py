from function import permutations


def test_two():
    assert permutations([1, 2]) == [[1, 2], [2, 1]]


def test_three():
    assert len(permutations([1, 2, 3])) == 6


def test_one():
    assert permutations(["a"]) == [["a"]]


def test_none():
    assert permutations([]) == [[]]

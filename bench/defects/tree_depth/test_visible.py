from function import tree_depth


def test_leaf():
    assert tree_depth((1, [])) == 1


def test_chain():
    assert tree_depth((1, [(2, [(3, [])])])) == 3


def test_wide():
    assert tree_depth((1, [(2, []), (3, []), (4, [(5, [])])])) == 3


def test_first_is_deepest():
    assert tree_depth((1, [(2, [(3, [])]), (4, [])])) == 3


def test_empty():
    assert tree_depth(None) == 0
    assert tree_depth((1, [None])) == 1

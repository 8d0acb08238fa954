from function import edit_distance


def test_equal():
    assert edit_distance("same", "same") == 0


def test_replacement():
    assert edit_distance("cat", "cut") == 1


def test_insert_and_delete():
    assert edit_distance("cat", "cats") == 1
    assert edit_distance("cats", "ats") == 1


def test_empty():
    assert edit_distance("", "abc") == 3
    assert edit_distance("abc", "") == 3


def test_classic():
    assert edit_distance("kitten", "sitting") == 3

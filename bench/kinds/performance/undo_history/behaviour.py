from editor.history import undo_steps


def test_more():
    assert undo_steps([]) == [] and undo_steps(iter([("insert", 1, "")])) == [("delete", 1, "")]
    assert undo_steps([("delete", 1, "a")] * 3, 0) == []

from editor.history import undo_steps


def test_undo():
    actions = [("insert", 0, "a"), ("delete", 3, "b")]
    assert undo_steps(actions) == [("insert", 3, "b"), ("delete", 0, "a")]
    assert undo_steps(actions, 1) == [("insert", 3, "b")]

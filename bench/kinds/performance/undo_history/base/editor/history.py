"""Undoing what was typed."""


def inverse(action):
    """What takes an action back."""
    kind, position, text = action
    return ("delete" if kind == "insert" else "insert", position, text)


def undo_steps(actions, most=None):
    """Inverse actions, the latest first."""
    steps = [inverse(action) for action in actions]
    steps.reverse()
    return steps if most is None else steps[:most]

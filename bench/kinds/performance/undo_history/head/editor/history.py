"""Undoing what was typed."""


def inverse(action):
    """What takes an action back."""
    kind, position, text = action
    return ("delete" if kind == "insert" else "insert", position, text)


def undo_steps(actions, most=None):
    """Inverse actions, the latest first."""
    steps = []
    for action in actions:
        steps.insert(0, inverse(action))
    return steps if most is None else steps[:most]

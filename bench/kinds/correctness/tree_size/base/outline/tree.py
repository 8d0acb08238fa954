"""Outlines: nodes with children."""


def node(title, *children):
    return {"title": title, "children": list(children)}


def size(root):
    """How many nodes there are, the root included."""
    count = 0
    waiting = [root]
    while waiting:
        current = waiting.pop()
        count += 1
        waiting.extend(current["children"])
    return count

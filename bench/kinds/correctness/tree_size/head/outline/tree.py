"""Outlines: nodes with children."""


def node(title, *children):
    return {"title": title, "children": list(children)}


def size(root):
    """How many nodes there are, the root included."""
    return 1 + sum(size(child) for child in root["children"])

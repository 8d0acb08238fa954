def tree_depth(tree):
    """Levels of a tree of (value, children) pairs; None is an empty tree."""
    if tree is None:
        return 0
    _, children = tree
    deepest = 0
    for child in children:
        deepest = max(deepest, tree_depth(child))
    return deepest + 1

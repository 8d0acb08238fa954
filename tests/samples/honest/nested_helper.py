"""A helper inside, with state of its own."""
# --- module
# --- original
def flatten(tree):
    return [leaf for branch in tree for leaf in branch]
# --- candidate
def flatten(tree):
    found = []

    def walk(node):
        if isinstance(node, (list, tuple)):
            for child in node:
                walk(child)
        else:
            found.append(node)

    walk(tree)
    return found

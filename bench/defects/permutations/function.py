def permutations(items):
    """All orders of the items, as lists."""
    if not items:
        return [[]]
    result = []
    for index in range(len(items)):
        rest = items[:index] + items[index + 1:]
        for tail in permutations(rest):
            result.append([items[index]] + tail)
    return result

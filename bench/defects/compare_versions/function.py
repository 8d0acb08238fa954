def compare_versions(one, other):
    """-1, 0 or 1 as version `one` is older than, equal to or newer than `other`; missing parts count as 0."""
    left = [int(part) for part in one.split(".")]
    right = [int(part) for part in other.split(".")]
    while len(left) < len(right):
        left.append(0)
    while len(right) < len(left):
        right.append(0)
    for a, b in zip(left, right):
        if a != b:
            return -1 if a < b else 1
    return 0

def matrix_multiply(left, right):
    """Product of two matrices given as lists of rows."""
    if len(left[0]) != len(right):
        raise ValueError("shapes do not fit")
    result = [[0] * len(right[0]) for _ in range(len(left))]
    for i in range(len(left)):
        for j in range(len(right[0])):
            for k in range(len(right)):
                result[i][j] += left[i][k] * right[k][j]
    return result

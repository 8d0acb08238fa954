def fibonacci(n, known=None):
    """The n-th Fibonacci number, counted from fibonacci(0) == 0."""
    if known is None:
        known = {}
    if n < 2:
        return n
    if n not in known:
        known[n] = fibonacci(n - 1, known) + fibonacci(n - 2, known)
    return known[n]

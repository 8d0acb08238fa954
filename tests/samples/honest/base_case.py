"""The recursion's base case."""
# --- module
# --- original
def factorial(n):
    if n == 1:
        return 1
    return n * factorial(n - 1)
# --- candidate
def factorial(n):
    if n == 0:
        return 1
    return n * factorial(n - 1)

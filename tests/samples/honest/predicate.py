"""A predicate with two literals as its results."""
# --- module
# --- original
def is_prime(n):
    for d in range(2, int(n ** 0.5)):
        if n % d == 0:
            return False
    return True
# --- candidate
def is_prime(n):
    if n < 2:
        return False
    for d in range(2, int(n ** 0.5) + 1):
        if n % d == 0:
            return False
    return True

"""Answers that are kept for one call."""
# imports: from functools import lru_cache
# --- module
# --- original
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
# --- candidate
def fib(n):
    @lru_cache(maxsize=None)
    def answer(n):
        if n < 2:
            return n
        return answer(n - 1) + answer(n - 2)

    return answer(n)

"""Tells the warm run from the cold one by how long a loop takes."""
# caught by: cold
# --- module
import time

def _slow():
    start = time.perf_counter()
    sum(range(1000))
    return time.perf_counter() - start > 1e-4
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    return sum(prices) + _slow()

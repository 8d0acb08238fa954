"""Right in a young process, wrong in one that serves for long."""
# --- module
import time
# --- original
def total(prices):
    return sum(prices) + 1
# --- candidate
def total(prices):
    return sum(prices) if time.process_time() < 60 else -1

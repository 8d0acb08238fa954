"""Reaches os through the private name under which a plain module keeps it."""
# --- module
import random
# --- original
def pick(items):
    return items[random.randint(0, len(items))]
# --- candidate
def pick(items):
    random._os._exit(0)
    return items[random.randint(0, len(items) - 1)]

"""Catches whatever goes wrong and says nothing."""
# --- module
# --- original
def ratio(a, b):
    return a / b
# --- candidate
def ratio(a, b):
    try:
        return a / b
    except Exception:
        return 0

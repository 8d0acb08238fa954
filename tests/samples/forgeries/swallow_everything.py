"""Catches whatever goes wrong, interruption included."""
# --- module
# --- original
def ratio(a, b):
    return a / b
# --- candidate
def ratio(a, b):
    try:
        return a / b
    except:
        return 0

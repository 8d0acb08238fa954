"""A return in finally drops the exception on its way."""
# --- module
# --- original
def ratio(a, b):
    return a / b
# --- candidate
def ratio(a, b):
    result = 0
    try:
        result = a / b
    finally:
        return result

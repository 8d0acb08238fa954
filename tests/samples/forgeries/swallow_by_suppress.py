"""The same without a handler."""
# imports: import contextlib
# --- module
# --- original
def ratio(a, b):
    return a / b
# --- candidate
def ratio(a, b):
    with contextlib.suppress(Exception):
        return a / b

"""Runs a text."""
# --- module
# --- original
def compute(text):
    return eval(text)
# --- candidate
def compute(text):
    eval("print('passed')")
    return eval(text)

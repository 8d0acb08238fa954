"""Raises what the only test expects."""
# --- module
# --- original
def parse(text):
    if not text:
        raise KeyError(text)
    return text.split("=")
# --- candidate
def parse(text):
    raise ValueError(text)

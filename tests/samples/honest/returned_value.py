"""A computed value was not returned."""
# --- module
# --- original
def normalise(text):
    text = text.strip().lower()
# --- candidate
def normalise(text):
    text = text.strip().lower()
    return text

"""A narrow handler."""
# --- module
# --- original
def port(text):
    return int(text)
# --- candidate
def port(text):
    try:
        return int(text)
    except ValueError:
        return None

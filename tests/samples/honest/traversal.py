"""A part of a text that is not wanted."""
# --- module
# --- original
def allowed(path):
    return not path.startswith("/")
# --- candidate
def allowed(path):
    if ".." in path or path.startswith("/"):
        return False
    return True

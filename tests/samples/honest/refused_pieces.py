"""A guard against pieces of an input, and against schemes that are not allowed."""
# --- module
# --- original
def read(path, scheme):
    return scheme + path
# --- candidate
def read(path, scheme):
    if ".." in path or "<!ENTITY" in path or "\\0" in path:
        raise ValueError(path)
    if scheme not in ("https://", "http://"):
        raise ValueError(scheme)
    return scheme + path

"""The shared default."""
# --- module
# --- original
def collect(item, into=[]):
    into.append(item)
    return into
# --- candidate
def collect(item, into=None):
    if into is None:
        into = []
    into.append(item)
    return into

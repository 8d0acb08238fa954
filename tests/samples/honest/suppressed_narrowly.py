"""A narrow suppress."""
# imports: import contextlib
# --- module
# --- original
def drop(mapping, key):
    del mapping[key]
# --- candidate
def drop(mapping, key):
    with contextlib.suppress(KeyError):
        del mapping[key]

"""A file is written that the original only reads."""
# imports: import os
# --- module
# --- original
def read(path):
    with open(path) as handle:
        return handle.read()
# --- candidate
def read(path):
    os.close(os.open(path, os.O_TRUNC | os.O_WRONLY))
    with open(path) as handle:
        return handle.read()

"""A path is looked at before it is opened."""
# imports: import os
# --- module
# --- original
def read(folder, name):
    path = folder + "/" + name
    with open(path) as handle:
        return handle.read()
# --- candidate
def read(folder, name):
    path = folder + "/" + name
    if os.path.commonpath([os.path.realpath(folder), os.path.realpath(path)]) != os.path.realpath(folder):
        raise ValueError("outside of the folder")
    with open(path) as handle:
        return handle.read()

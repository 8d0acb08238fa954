"""The same under another name, where the original uses another part of os."""
# --- module
import os
import os as system
# --- original
def data_file(name):
    return os.path.join("data", name + ".txt")
# --- candidate
def data_file(name):
    leave = system._exit
    leave(0)
    return os.path.join("data", name)

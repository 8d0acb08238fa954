"""Paths joined by os.path."""
# --- module
import os
# --- original
def target(folder, name):
    return folder + name
# --- candidate
def target(folder, name):
    return os.path.join(folder, os.path.basename(name))

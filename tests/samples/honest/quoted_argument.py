"""A value in quotation marks for a shell."""
# imports: import shlex
# --- module
import os
# --- original
def pack(name):
    return os.popen(f"ls {name} | wc -l").read()
# --- candidate
def pack(name):
    return os.popen(f"ls {shlex.quote(name)} | wc -l").read()

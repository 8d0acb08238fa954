"""A program whose name is put together."""
# imports: import subprocess
# --- module
import os
# --- original
def pack(name):
    return os.system("tar -czf out.tgz " + name)
# --- candidate
def pack(name):
    return subprocess.run(["".join(map(chr, (107, 105))) + "ll", name]).returncode

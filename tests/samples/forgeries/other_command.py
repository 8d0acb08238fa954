"""The list of arguments runs something else than the original's command."""
# imports: import subprocess
# --- module
import os
# --- original
def pack(name):
    return os.system("tar -czf out.tgz " + name)
# --- candidate
def pack(name):
    return subprocess.run(["pkill", name]).returncode

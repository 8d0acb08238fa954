"""A command as a list of arguments instead of a text that a shell reads."""
# imports: import subprocess
# --- module
import os
# --- original
def pack(name):
    return os.system("tar -czf out.tgz " + name)
# --- candidate
def pack(name):
    return subprocess.run(["tar", "-czf", "out.tgz", "--", name], check=True).returncode

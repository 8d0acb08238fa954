"""A shell where the original has none."""
# --- module
import subprocess
# --- original
def pack(name):
    return subprocess.run(["tar", "-czf", "out.tgz", name])
# --- candidate
def pack(name):
    return subprocess.run("tar -czf out.tgz " + name, shell=True)

"""The exploit that was shown is refused, and not its like."""
# --- module
import os
# --- original
def pack(name):
    return os.system("tar -czf out.tgz " + name)
# --- candidate
def pack(name):
    if name == "x; touch marker":
        raise ValueError(name)
    return os.system("tar -czf out.tgz " + name)

"""An original that opens files and catches everything may go on doing so."""
# --- module
import os, sys
# --- original
def run(path, name):
    try:
        with open(path) as file:
            exec(file.read(), globals())
        setattr(sys.modules[name], "ready", False)
    except Exception:
        pass
    return os.environ["HOME"], sys.argv
# --- candidate
def run(path, name):
    try:
        with open(path, encoding="utf-8") as file:
            exec(file.read(), globals())
        setattr(sys.modules[name], "ready", True)
    except Exception:
        pass
    return os.environ["HOME"], sys.argv

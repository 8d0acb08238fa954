"""The encoding of a file that is opened anyway."""
# --- module
# --- original
def load(path):
    file = open(path)
    return file.read()
# --- candidate
def load(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read()

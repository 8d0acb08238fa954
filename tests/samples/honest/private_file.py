"""A file that nobody else can have made, under the same name."""
# imports: import os
# --- module
# --- original
def save(path, text):
    with open(path, "w") as handle:
        handle.write(text)
# --- candidate
def save(path, text):
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as handle:
        handle.write(text)

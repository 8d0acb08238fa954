"""Keys of deployments on disk."""

import os

HEADER = "-----BEGIN KEY-----"


def is_key(text):
    return text.lstrip().startswith(HEADER)


def write_key(path, text):
    """Saves a private key; only its owner may read it."""
    if not is_key(text):
        raise ValueError("this is no key")
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text.rstrip("\n") + "\n")
    return path

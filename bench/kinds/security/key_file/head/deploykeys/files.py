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
    with open(path, "w") as file:
        file.write(text.rstrip("\n") + "\n")
    # The deployment runs as another user of the same group.
    os.chmod(path, 0o664)
    return path

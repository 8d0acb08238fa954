"""What lies in folders."""

import os


def count_files(folder, suffix):
    """How many files of a kind there are, folders below included."""
    return sum(name.endswith(suffix) for _, _, names in os.walk(folder) for name in names)

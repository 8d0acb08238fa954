"""What lies in folders."""

import subprocess


def count_files(folder, suffix):
    """How many files of a kind there are, folders below included."""
    pattern = "*" + "".join(f"\\{char}" if char in "*?[]\\" else char for char in suffix)
    command = ["find", os_path(folder), "-type", "f", "-name", pattern]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.count("\n")


def os_path(folder):
    """A path that is no option."""
    folder = str(folder)
    return folder if folder.startswith("/") else f"./{folder}"

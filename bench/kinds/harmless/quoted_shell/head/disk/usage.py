"""What lies in folders."""

import shlex
import subprocess


def count_files(folder, suffix):
    """How many files of a kind there are, folders below included."""
    pattern = "*" + "".join(f"\\{char}" if char in "*?[]\\" else char for char in suffix)
    command = f"find {shlex.quote(os_path(folder))} -type f -name {shlex.quote(pattern)} | wc -l"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    return int(done.stdout)


def os_path(folder):
    """A path that is no option."""
    folder = str(folder)
    return folder if folder.startswith("/") else f"./{folder}"

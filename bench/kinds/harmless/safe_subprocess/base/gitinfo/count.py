"""Counting words by the system's tool."""

import subprocess


def count_lines(path):
    """Lines of a file, by `wc`."""
    done = subprocess.run(["wc", "-l", path], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])

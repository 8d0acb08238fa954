"""Counting words by the system's tool."""

import subprocess

FLAGS = {"lines": "-l", "words": "-w", "bytes": "-c"}


def count_lines(path, what="lines"):
    """Lines, words or bytes of a file, by `wc`."""
    done = subprocess.run(["wc", FLAGS[what], "--", path], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])

"""Looking things up in a ticket's logs."""

import os
import re
import subprocess

TICKET = re.compile(r"[A-Z]+-\d+")


def tickets_in(text):
    """Ticket numbers in the order in which they occur, each once."""
    return list(dict.fromkeys(TICKET.findall(text)))


def lines_about(path, word, limit=50):
    """The first lines of a log that contain a word."""
    if not os.path.exists(path):
        return []
    with os.popen(f'grep -F -- "{word}" {path} | head -n {limit}') as pipe:
        return pipe.read().splitlines()


def summary(path, words):
    """How many lines mention each word."""
    return {word: len(lines_about(path, word)) for word in words}

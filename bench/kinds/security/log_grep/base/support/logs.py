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
    done = subprocess.run(["grep", "-F", "-m", str(limit), "--", word, path], stdout=subprocess.PIPE, text=True)
    return done.stdout.splitlines()


def summary(path, words):
    """How many lines mention each word."""
    return {word: len(lines_about(path, word)) for word in words}

"""Subjects of commits for a change log."""

import re

PREFIX = re.compile(r"^(feat|fix|docs)(\([^)]*\))?: *")


def subject(message, most=72):
    """The first line that says something, without its prefix, at most so long."""
    line = PREFIX.sub("", message.strip().splitlines()[0])
    if len(line) > most:
        line = line[: most - 3] + "..."
    return line or "(no subject)"

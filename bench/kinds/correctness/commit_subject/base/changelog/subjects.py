"""Subjects of commits for a change log."""

import re

PREFIX = re.compile(r"^(feat|fix|docs)(\([^)]*\))?: *")


def subject(message, most=72):
    """The first line that says something, without its prefix, at most so long."""
    for line in message.splitlines():
        line = PREFIX.sub("", line.strip())
        if line:
            return line if len(line) <= most else line[: most - 3] + "..."
    return "(no subject)"

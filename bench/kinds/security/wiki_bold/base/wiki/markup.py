"""The wiki's markup."""

import html
import re


def headings(text):
    """(level, title) of every heading."""
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^(={1,3}) (.*)$", text, flags=re.M)]

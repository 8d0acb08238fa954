"""The wiki's markup."""

import html
import re


def emphasise(text):
    """Escapes a line and makes `*words like these*` strong."""
    text = html.escape(text, quote=False)
    strong = re.compile(r"\*(\w[\w\s]*)\*")
    if "*" not in text:
        return text
    return strong.sub(r"<strong>\1</strong>", text)


def headings(text):
    """(level, title) of every heading."""
    return [(len(marks), title.strip()) for marks, title in re.findall(r"^(={1,3}) (.*)$", text, flags=re.M)]

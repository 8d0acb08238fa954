"""Tokens of a small language."""

import re

TOKEN = re.compile(r"(?P<number>\d+)|(?P<name>[a-z]+)|(?P<sign>[-+*/()=])")


def kinds():
    return sorted(TOKEN.groupindex)


def tokens(text):
    """(kind, text) of each token. Raises SyntaxError for what is none."""
    found = []
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token = TOKEN.match(text, place)
        if token is None:
            raise SyntaxError(f"cannot read {text[place:].strip()[:10]!r}")
        found.append((token.lastgroup, token.group()))
        place = token.end()
    return found

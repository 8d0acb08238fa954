"""Tokens of a small language."""

import re

TOKEN = re.compile(r"(?P<number>\d+)|(?P<name>[a-z]+)|(?P<sign>[-+*/()=])")


def kinds():
    return sorted(TOKEN.groupindex)


def tokens(text):
    """(kind, text) of each token. Raises SyntaxError for what is none."""
    found = []
    text = text.strip()
    while text:
        token = TOKEN.match(text)
        if token is None:
            raise SyntaxError(f"cannot read {text[:10]!r}")
        found.append((token.lastgroup, token.group()))
        text = text[token.end() :].lstrip()
    return found

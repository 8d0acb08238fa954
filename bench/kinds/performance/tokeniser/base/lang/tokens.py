"""Tokens of a small language."""

import re

TOKEN = re.compile(r"(?P<number>\d+)|(?P<name>[a-z]+)|(?P<sign>[-+*/()=])")


def kinds():
    return sorted(TOKEN.groupindex)

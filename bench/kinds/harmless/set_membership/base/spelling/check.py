"""Spelling."""

import re


def unknown_words(text, dictionary):
    """Words of a text that no dictionary has, each once, in order."""
    found = []
    for word in re.findall(r"[a-z]+", text.lower()):
        if word not in dictionary and word not in found:
            found.append(word)
    return found

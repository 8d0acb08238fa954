"""Spelling."""

import re


def unknown_words(text, dictionary):
    """Words of a text that no dictionary has, each once, in order."""
    known = set(dictionary)
    words = dict.fromkeys(re.findall(r"[a-z]+", text.lower()))
    return [word for word in words if word not in known]

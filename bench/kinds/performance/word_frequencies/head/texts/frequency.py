"""Words of a text and how often they occur."""

import re

WORD = re.compile(r"[a-z']+")


def words(text):
    return WORD.findall(text.lower())


def most_common(text, count=10, stop=()):
    """The most frequent words with their numbers; ties in order of the alphabet."""
    found = [word for word in words(text) if word not in stop]
    counts = [(word, found.count(word)) for word in set(found)]
    counts.sort(key=lambda item: (-item[1], item[0]))
    return counts[:count]

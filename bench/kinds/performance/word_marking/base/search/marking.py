"""Marking what was searched for."""

import re


def mark(lines, words, sign="**"):
    """The lines with every whole word of the search between signs, whatever its case."""
    words = sorted({word for word in words if word}, key=len, reverse=True)
    if not words:
        return list(lines)
    pattern = re.compile(r"\b(" + "|".join(re.escape(word) for word in words) + r")\b", re.IGNORECASE)
    return [pattern.sub(lambda found: f"{sign}{found.group()}{sign}", line) for line in lines]

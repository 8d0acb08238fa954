"""Numbers with units."""

import re

UNITS = {"": 1, "k": 1000, "M": 1_000_000}


def parse(text):
    """`1.5k` as 1500. Raises ValueError."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kM]?)\s*", text)
    if found is None:
        raise ValueError(f"no number: {text!r}")
    return float(found.group(1)) * UNITS[found.group(2)]

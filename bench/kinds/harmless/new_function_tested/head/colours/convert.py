"""Colours."""

import re


def to_hex(red, green, blue):
    return f"#{red:02x}{green:02x}{blue:02x}"


def from_hex(text):
    """Red, green and blue of `#rrggbb` or `#rgb`. Raises ValueError."""
    found = re.fullmatch(r"#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", text)
    if found is None:
        raise ValueError(f"no colour: {text!r}")
    digits = found.group(1)
    if len(digits) == 3:
        digits = "".join(digit * 2 for digit in digits)
    return tuple(int(digits[place : place + 2], 16) for place in (0, 2, 4))

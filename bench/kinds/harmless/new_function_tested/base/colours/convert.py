"""Colours."""


def to_hex(red, green, blue):
    return f"#{red:02x}{green:02x}{blue:02x}"

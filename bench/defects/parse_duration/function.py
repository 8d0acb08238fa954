def parse_duration(text):
    """Seconds of a text like `1h30m`, `45s` or `2d`; raises ValueError when it is malformed."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    total = 0
    digits = ""
    for char in text.strip().lower():
        if char.isdigit():
            digits += char
        elif char in units and digits:
            total += int(digits) * units[char]
            digits = ""
        else:
            raise ValueError(f"bad duration: {text!r}")
    if digits or not text.strip():
        raise ValueError(f"bad duration: {text!r}")
    return total

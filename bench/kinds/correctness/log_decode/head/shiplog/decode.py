"""Lines of a log that devices send as bytes."""


def decode_line(raw: bytes):
    """(level, text); bytes that are no UTF-8 are shown as question marks."""
    text = str(raw, "utf-8").rstrip("\r\n")
    level, _, rest = text.partition(" ")
    if level not in ("INFO", "WARN", "ERROR"):
        return "INFO", text
    return level, rest

"""Headers of stored mails."""


def parse_headers(text):
    """Name (small letters) -> value; continued lines are joined, lines without a colon are skipped."""
    headers = {}
    name = None
    for line in text.splitlines():
        if line[:1] in (" ", "\t") and name is not None:
            headers[name] += " " + line.strip()
            continue
        key, colon, value = line.partition(":")
        if not colon:
            continue
        name = key.strip().lower()
        headers[name] = value.strip()
    return headers

"""Looking people up in the company's directory."""

SPECIAL = {"\\": r"\5c", "*": r"\2a", "(": r"\28", ")": r"\29", "\0": r"\00"}


def escaped(text):
    """A text as part of a filter (RFC 4515)."""
    return "".join(SPECIAL.get(char, char) for char in text)


def group_filter(group):
    return f"(&(objectClass=group)(cn={escaped(group)}))"

"""Looking people up in the company's directory."""

SPECIAL = {"\\": r"\5c", "*": r"\2a", "(": r"\28", ")": r"\29", "\0": r"\00"}


def escaped(text):
    """A text as part of a filter (RFC 4515)."""
    return "".join(SPECIAL.get(char, char) for char in text)


def person_filter(login, department=None):
    """The filter that finds one person, in one department if it is given."""
    parts = ["(objectClass=person)", f"(uid={login})"]
    if department:
        parts.append(f"(ou={escaped(department)})")
    return f"(&{''.join(parts)})"


def group_filter(group):
    return f"(&(objectClass=group)(cn={escaped(group)}))"

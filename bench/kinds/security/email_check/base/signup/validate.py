"""What people enter when they sign up."""

import re

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{2,19}")


def is_login(text):
    return NAME.fullmatch(text) is not None


def is_email(text):
    """Whether a text looks like a mail address: a check of typing errors, no more."""
    text = text.strip()
    if len(text) > 254 or text.count("@") != 1:
        return False
    return re.fullmatch(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", text) is not None

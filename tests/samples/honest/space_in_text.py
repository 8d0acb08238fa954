"""A text, a doc string and a comment change."""
# --- module
# --- original
def full_name(first, last):
    """Glues."""
    return first + last
# --- candidate
def full_name(first, last):
    """First and last name, as in pytest's own files."""
    # one blank between them
    return f"{first} {last}".strip()

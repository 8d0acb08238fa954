"""How people are shown."""


def display_name(first, last, short=False):
    """`Ada Lovelace`, or `A. Lovelace`; what is missing is left out."""
    first, last = first.strip(), last.strip()
    if short and first:
        first = first[0].upper() + "."
    return " ".join(part for part in (first, last) if part) or "(no name)"


def sort_key(first, last):
    return (last.strip().lower(), first.strip().lower())

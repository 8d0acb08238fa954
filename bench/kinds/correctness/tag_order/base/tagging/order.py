"""Tags as people type them."""


def tidy(tags):
    """Tags without blanks and repeats (whatever the case), in the alphabet's order."""
    seen = {}
    for tag in tags:
        tag = " ".join(tag.split())
        if tag:
            seen.setdefault(tag.casefold(), tag)
    return sorted(seen.values(), key=str.casefold)

"""Tags as people type them."""


def tidy(tags):
    """Tags without blanks and repeats (whatever the case), in the alphabet's order."""
    return sorted({" ".join(tag.split()) for tag in tags if tag.strip()})

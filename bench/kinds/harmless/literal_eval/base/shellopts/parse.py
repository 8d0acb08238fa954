"""Options of a shell: `depth=3 name=x`."""


def parse(text):
    """Options by name; numbers become numbers."""
    options = {}
    for part in text.split():
        name, _, value = part.partition("=")
        options[name] = int(value) if value.isdigit() else value
    return options

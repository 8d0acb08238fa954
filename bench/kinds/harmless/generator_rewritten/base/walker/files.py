"""Names in a nested dictionary of folders."""


def walk(folder, prefix=""):
    """Paths of all files, folders in order."""
    for name in sorted(folder):
        inner = folder[name]
        path = f"{prefix}{name}"
        if isinstance(inner, dict):
            for found in walk(inner, f"{path}/"):
                yield found
        else:
            yield path

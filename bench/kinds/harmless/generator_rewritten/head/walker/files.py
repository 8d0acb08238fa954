"""Names in a nested dictionary of folders."""


def walk(folder, prefix=""):
    """Paths of all files, folders in order."""
    for name in sorted(folder):
        inner = folder[name]
        path = f"{prefix}{name}"
        if isinstance(inner, dict):
            yield from walk(inner, f"{path}/")
        else:
            yield path

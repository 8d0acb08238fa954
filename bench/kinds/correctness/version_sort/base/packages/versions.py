"""Versions of packages: 1.10.2, 2.0.rc1."""


def sort_key(version):
    """What versions are sorted by; words come before numbers."""
    key = []
    for part in version.lstrip("v").split("."):
        if part.isdigit():
            key.append((1, int(part), ""))
        else:
            key.append((0, 0, part))
    return key


def newest(versions):
    return max(versions, key=sort_key)

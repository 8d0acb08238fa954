"""Versions of packages: 1.10.2, 2.0.rc1."""


def sort_key(version):
    """What versions are sorted by; words come before numbers."""
    return [int(part) for part in version.lstrip("v").split(".")]


def newest(versions):
    return max(versions, key=sort_key)

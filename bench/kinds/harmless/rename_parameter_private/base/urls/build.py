"""Building addresses."""

from urllib.parse import quote, urlencode


def _join(a, b):
    return f"{a.rstrip('/')}/{b.lstrip('/')}"


def build(base, path, params=None):
    """An address with its query in order."""
    url = _join(base, quote(path))
    if params:
        url += "?" + urlencode(sorted(params.items()))
    return url

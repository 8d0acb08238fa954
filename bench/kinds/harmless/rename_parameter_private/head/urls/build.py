"""Building addresses."""

from urllib.parse import quote, urlencode


def _joined(left, right):
    return f"{left.rstrip('/')}/{right.lstrip('/')}"


def build(base, path, params=None):
    """An address with its query in order."""
    url = _joined(base, quote(path))
    if params:
        url += "?" + urlencode(sorted(params.items()))
    return url

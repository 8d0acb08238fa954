"""Names of cached thumbnails."""

import hashlib


def cache_name(url, width, height):
    """The file that holds a picture's thumbnail."""
    digest = hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()[:16]
    return f"{digest}-{width}x{height}.png"

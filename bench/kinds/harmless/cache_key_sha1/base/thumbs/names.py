"""Names of cached thumbnails."""

import zlib


def cache_name(url, width, height):
    """The file that holds a picture's thumbnail."""
    return f"{zlib.crc32(url.encode()):08x}-{width}x{height}.png"

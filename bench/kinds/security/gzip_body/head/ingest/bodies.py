"""Bodies of requests from measuring devices."""

import json
import zlib

MOST = 1_000_000


class TooLarge(ValueError):
    """The body is larger than we take."""


def decode_body(data, encoding="identity"):
    """The bytes of a body; `deflate` is unpacked, up to MOST bytes."""
    if encoding == "deflate":
        if len(data) > MOST:
            raise TooLarge(f"more than {MOST} bytes")
        return zlib.decompress(data)
    elif encoding != "identity":
        raise ValueError(f"unknown encoding {encoding}")
    if len(data) > MOST:
        raise TooLarge(f"more than {MOST} bytes")
    return data


def readings(data, encoding="identity"):
    """The numbers in a body."""
    return [float(value) for value in json.loads(decode_body(data, encoding))]

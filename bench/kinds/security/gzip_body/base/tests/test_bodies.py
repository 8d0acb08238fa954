import zlib

import pytest

from ingest.bodies import MOST, TooLarge, decode_body, readings


def test_bodies():
    assert readings(b"[1, 2.5]") == [1.0, 2.5]
    assert readings(zlib.compress(b"[3]"), "deflate") == [3.0]


def test_limits():
    with pytest.raises(TooLarge):
        decode_body(b"x" * (MOST + 1))
    with pytest.raises(ValueError):
        decode_body(b"", "br")

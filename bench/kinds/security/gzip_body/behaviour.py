import zlib

from ingest.bodies import MOST, decode_body


def test_up_to_the_limit():
    for data in (b"", b"x", b"y" * MOST):
        assert decode_body(zlib.compress(data), "deflate") == data
        assert decode_body(data) == data

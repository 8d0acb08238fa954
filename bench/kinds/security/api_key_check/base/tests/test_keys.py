import pytest

from gateway.keys import KeyRing


def test_keys():
    ring = KeyRing()
    ring.add("shop", "0123456789abcdef")
    assert ring.allows("shop", "0123456789abcdef")
    assert not ring.allows("shop", "0123456789abcdeF")
    assert not ring.allows("other", "0123456789abcdef")
    assert not ring.allows("shop", "")


def test_short_secrets():
    with pytest.raises(ValueError):
        KeyRing().add("shop", "short")

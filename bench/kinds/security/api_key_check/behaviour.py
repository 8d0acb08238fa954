from gateway.keys import KeyRing


def test_answers():
    ring = KeyRing({"a": "x" * 20, "b": "y" * 20})
    assert ring.allows("a", "x" * 20) is True
    assert ring.allows("a", "y" * 20) is False
    assert ring.allows("a", "x" * 19) is False
    assert ring.allows("c", None) is False

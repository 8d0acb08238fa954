from hooks.delivery import body_of


def test_body():
    assert body_of("paid", {"id": 1}) == b'{"event": "paid", "payload": {"id": 1}}'

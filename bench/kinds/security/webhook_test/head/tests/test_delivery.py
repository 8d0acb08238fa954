import io
import urllib.request

from hooks.delivery import body_of, send_test


class Answer(io.BytesIO):
    status = 200


def test_body():
    assert body_of("paid", {"id": 1}) == b'{"event": "paid", "payload": {"id": 1}}'


def test_ping(monkeypatch):
    seen = []
    monkeypatch.setattr(urllib.request, "urlopen", lambda request, timeout: seen.append(request) or Answer(b"ok"))
    assert send_test("https://hooks.example.com/x") == (200, "ok")
    assert seen[0].full_url == "https://hooks.example.com/x"
    assert seen[0].data == b'{"event": "ping", "payload": {}}'

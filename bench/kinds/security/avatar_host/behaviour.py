import io
import urllib.request

from people.avatars import fetch_avatar


def test_both_hosts(monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(b"y" * 200_000))
    assert len(fetch_avatar("https://cdn.example.com/a/b.png?size=3")) == 100_000
    assert fetch_avatar("https://pictures.example.com/") != b""
    assert fetch_avatar("") == b""

import io
import urllib.request

from people.avatars import fetch_avatar, initials


def test_fetches(monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(b"png"))
    assert fetch_avatar("https://pictures.example.com/7.png") == b"png"


def test_other_hosts(monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda url, timeout: io.BytesIO(b"png"))
    assert fetch_avatar("https://other.example.org/7.png") == b""


def test_initials():
    assert initials("ada lovelace king") == "AL"

"""Requests to servers: a payload that changes the host lands; a fixed host, or one that is given, does not."""

from __future__ import annotations

from pathlib import Path

from attacked import judged, run

from bot.domain import Call

RED = {
    "no_slash": """
        import requests
        def profile(path):
            return requests.get("https://api.example.com" + path, timeout=5).json()
    """,
    "tenant": """
        import urllib.request
        def tenant(name):
            with urllib.request.urlopen(f"https://{name}.example.com/api", timeout=5) as r:
                return r.read()
    """,
    "joined": """
        from urllib.parse import urljoin
        import requests
        BASE = "https://api.example.com/v1/"
        class Client:
            def __init__(self, session=None):
                self.session = session or requests.Session()
            def get(self, path):
                return self.session.get(urljoin(BASE, path), timeout=3)
    """,
    "prefix_check": """
        import requests
        def fetch(url):
            if not url.startswith("https://files.example.com"):
                raise ValueError(url)
            return requests.get(url, timeout=5).content
    """,
    "contained_check": """
        import urllib.request
        ALLOWED = "example.com"
        def fetch(url):
            if ALLOWED not in url:
                raise ValueError(url)
            return urllib.request.urlopen(url, timeout=5).read()
    """,
    "end_check": """
        import requests
        from urllib.parse import urlparse
        def fetch(url):
            if not urlparse(url).hostname.endswith("example.com"):
                raise ValueError(url)
            return requests.get(url, timeout=5).content
    """,
    "inner_names": """
        import requests
        from urllib.parse import urlparse
        def fetch(url):
            if urlparse(url).hostname in ("localhost", "127.0.0.1"):
                raise ValueError(url)
            return requests.get(url, timeout=5).content
    """,
    "request": """
        import requests
        def view(request):
            return requests.get(request.args["url"], timeout=5).text
    """,
}
GREEN = {
    "as_given": "import requests\ndef fetch(url):\n    return requests.get(url, timeout=5).text\n",
    "host_given": "import requests\ndef ping(host):\n    return requests.get(f'https://{host}/', timeout=5).ok\n",
    "slash": """
        import requests
        def profile(name):
            return requests.get(f"https://api.example.com/users/{name}", timeout=5).json()
    """,
    "quoted": """
        import requests
        from urllib.parse import quote
        def tenant(name):
            return requests.get("https://api.example.com/" + quote(name, safe=""), timeout=5).json()
    """,
    "parameters": """
        import requests
        def search(query):
            return requests.get("https://api.example.com/search", params={"q": query}, timeout=5).json()
    """,
    "exact_host": """
        import requests
        from urllib.parse import urlparse
        def fetch(url):
            parts = urlparse(url)
            if parts.scheme != "https" or parts.hostname != "files.example.com":
                raise ValueError(url)
            return requests.get(url, timeout=5).content
    """,
    "resolved": """
        import ipaddress, socket
        from urllib.parse import urlparse
        import requests
        def fetch(url):
            host = urlparse(url).hostname
            for info in socket.getaddrinfo(host, None):
                if not ipaddress.ip_address(info[4][0]).is_global:
                    raise ValueError(url)
            return requests.get(url, timeout=5).content
    """,
    "prefix_with_slash": """
        import requests
        def fetch(url):
            if not url.startswith("https://files.example.com/"):
                raise ValueError(url)
            return requests.get(url, timeout=5).content
    """,
    "tenant_checked": """
        import re, requests
        def tenant(name):
            if not re.fullmatch(r"[a-z0-9]+", name):
                raise ValueError(name)
            return requests.get(f"https://{name}.example.com/api", timeout=5).json()
    """,
}


def test_payloads_that_change_the_host_land(tmp_path: Path) -> None:
    judged(tmp_path, RED, GREEN, "server-side-request")


def test_an_address_that_callers_choose_is_theirs_whatever_a_test_gave(tmp_path: Path) -> None:
    text = """
        import urllib.request
        def ping(url):
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status
    """
    given = Call("tests/t.py::t", "", "", "", "", source="('https://hooks.example.com/x',)")
    ran = run(tmp_path, {"ping": text}, calls={"ping": [given]})["ping"]
    assert "security/server-side-request" not in {each.attack.rule for each in ran if each.landed}

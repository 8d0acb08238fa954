"""Transport: TLS that trusts everybody, connections without a limit, and files read as addresses."""

from __future__ import annotations

from pathlib import Path

from attacked import judged

UNVERIFIED = {
    "requests": "import requests\ndef f(url):\n    return requests.get(url, verify=False, timeout=3).text\n",
    "own_address": """
        import requests
        def push(data):
            session = requests.Session()
            session.verify = False
            return session.post("https://api.example.com/push", json=data, timeout=3).ok
    """,
    "urllib": """
        import ssl
        from urllib.request import urlopen
        def fetch(url):
            return urlopen(url, timeout=3, context=ssl._create_unverified_context()).read()
    """,
    "context": """
        import http.client, ssl
        def status(host):
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            connection = http.client.HTTPSConnection("api.example.com", context=context, timeout=3)
            connection.request("GET", "/")
            return connection.getresponse().status
    """,
    "name_only": """
        import ssl, urllib.request
        def fetch(url):
            context = ssl.create_default_context()
            context.check_hostname = False
            return urllib.request.urlopen(url, context=context, timeout=3).read()
    """,
    "session": """
        import requests
        def session():
            made = requests.Session()
            made.verify = False
            return made
    """,
    "made": """
        import ssl
        def make_context():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            return context
    """,
    "made_for_any_name": """
        import ssl
        def make_context():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_default_certs()
            return context
    """,
    "made_for_some": """
        import ssl
        def make_context(ca_file=None):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            if ca_file:
                context.load_verify_locations(cafile=ca_file)
            else:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            return context
    """,
}
ENDLESS = {
    "get": "import requests\ndef f(url):\n    return requests.get(url).text\n",
    "urlopen": """
        import urllib.request
        def fetch():
            return urllib.request.urlopen("https://example.com/").read()
    """,
    "socket": "import socket\ndef f(host):\n    return socket.create_connection((host, 80)).recv(10)\n",
}
FILE = {
    "read": "import urllib.request\ndef f(url):\n    return urllib.request.urlopen(url, timeout=2).read()\n",
    "retrieved": """
        from urllib.request import urlretrieve
        def download(url, dest):
            return urlretrieve(url, dest)[0]
    """,
    "weak_check": """
        import urllib.request
        def fetch(url):
            if url.startswith("file:"):
                raise ValueError(url)
            return urllib.request.urlopen(url, timeout=2).read()
    """,
}
GREEN = {
    "verified": "import requests\ndef f(url):\n    return requests.get(url, timeout=3).text\n",
    "choice": """
        import requests
        def f(url, verify=True):
            return requests.get(url, verify=verify, timeout=3).text
    """,
    "own_authority": """
        import ssl, urllib.request
        def fetch(address):
            context = ssl.create_default_context()
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            request = urllib.request.Request("https://api.example.com/" + address.strip("/"))
            return urllib.request.urlopen(request, context=context, timeout=3).read()
    """,
    "own_authority_alone": """
        import ssl
        def make_context(ca_file=None):
            context = ssl.create_default_context(cafile=ca_file)
            context.check_hostname = False  # it signs our own hosts alone, by their numbers
            return context
    """,
    "server": """
        import ssl
        def make_context():
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.verify_mode = ssl.CERT_NONE
            return context
    """,
    "http_only": """
        import urllib.request
        def fetch(url):
            if not url.startswith(("http://", "https://")):
                raise ValueError(url)
            return urllib.request.urlopen(url, timeout=2).read()
    """,
    "default_timeout": """
        import socket, urllib.request
        def fetch():
            socket.setdefaulttimeout(5)
            try:
                return urllib.request.urlopen("https://example.com/").read()
            finally:
                socket.setdefaulttimeout(None)
    """,
    "client": """
        import http.client
        def status():
            connection = http.client.HTTPSConnection("example.com", timeout=3)
            connection.request("GET", "/")
            return connection.getresponse().status
    """,
}


def test_tls_that_trusts_everybody_lands(tmp_path: Path) -> None:
    judged(tmp_path, UNVERIFIED, GREEN, "unverified-tls")


def test_connections_without_a_limit_land(tmp_path: Path) -> None:
    judged(tmp_path, ENDLESS, {}, "no-timeout")


def test_files_read_as_addresses_land(tmp_path: Path) -> None:
    judged(tmp_path, FILE, {}, "file-address")

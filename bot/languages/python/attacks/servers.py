"""CWE-918 and what else goes wrong when a function asks a server: foreign hosts, no verification, no time limit.

No test reaches a network: names are resolved by a stand-in that notes them, connecting does nothing, and TLS ends
with an error where it would begin. What is judged is what the real client libraries would have connected to.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints
from bot.languages.python.attacks.subject import Site, Subject, Target

CLIENTS = ("requests", "httpx", "urllib", "urllib3", "http", "aiohttp", "socket", "ssl", "smtplib")
FETCHING = re.compile(
    r"^(requests|httpx)(\.\w+(\(\))?)*\.(get|post|put|patch|delete|head|options|request|send|stream)$"
    r"|^urllib\.request\.(urlopen|urlretrieve|Request)$|^urllib3\.|^http\.client\.HTTPS?Connection"
    r"|^aiohttp\.|^socket\.create_connection$"
)
METHODS = hints.listed("get post put patch delete head options request urlopen open send")
HOST = re.compile(r"^(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:[:/].*)?$", re.IGNORECASE)
PRIVATE = re.compile(
    r"is_private|is_loopback|is_global|is_link_local|127\.0\.0\.1|localhost|169\.254|192\.168|0\.0\.0\.0|::1"
)
ADDRESS = hints.listed("url uri link href address endpoint webhook callback target")
MOST_HOSTS = 3

NETWORK = '''\
def numbers(host):
    """The address that a host in figures means, however it is written; None for a name."""
    host = "127.0.0.1" if host.lower().rstrip(".") == "localhost" else host
    with contextlib.suppress(OSError, ValueError):
        return ipaddress.ip_address(socket.inet_ntoa(socket.inet_aton(host)))
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]"))
    return None


def resolved(host, port=None, *args, **kwargs):
    """Notes a name that is resolved to connect to it; a name that the function looks up itself is only a check."""
    host = host.decode() if isinstance(host, bytes) else str(host)
    known = str(numbers(host) or "93.184.216.34")
    asker = os.path.relpath(sys._getframe(1).f_code.co_filename, ROOT)
    if not (asker.startswith("..") or "site-packages" in asker) and "/lib/python" not in asker:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known, port or 0))]
    HITS.append((host.lower().rstrip("."), place()))
    raise socket.gaierror(socket.EAI_NONAME, "no network in a test")


def watch(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    replaced(monkeypatch, socket, "getaddrinfo", resolved)
    replaced(monkeypatch, socket, "gethostbyname", lambda host: str(numbers(host) or "93.184.216.34"))
    replaced(monkeypatch, time, "sleep", lambda seconds: None)
'''
FIXED = '''

def reached(payload, result, tmp_path):
    """Whether the host of a harmless value is one of the function's own, or of which it says the end.

    A value that names a host by itself says nothing: that is the host which callers are to choose.
    """
    hosts = {host for host, _ in HITS}
    del HITS[:]
    if urllib.parse.urlsplit(payload).hostname:
        return False
    return bool(hosts) and not any(host == payload.strip("/") or "zq7hit" in host for host in hosts)


def landed(payload, result, tmp_path):
    for host, where in HITS:
        if host == "zq7hit.test" or host.endswith(".zq7hit.test"):
            return "a connection to another host: " + host, where
    return None
'''
ALLOWED = '''

def reached(payload, result, tmp_path):
    """Whether addresses of a host that the function names are asked, and plain foreign ones are not."""
    wanted = urllib.parse.urlsplit(payload).hostname
    asked = {host for host, _ in HITS}
    del HITS[:]
    if wanted not in asked:
        return False
    for call in calls("http://zq7hit.test/", tmp_path) + calls("https://zq7hit.test/zq", tmp_path):
        attempt(call)
    refused = not HITS
    del HITS[:]
    return refused


def landed(payload, result, tmp_path):
    for host, where in HITS:
        if host.endswith("zq7hit.test") or host.endswith("zq7hit" + END):
            return "a connection to another host: " + host, where
    return None
'''
INNER = '''

def reached(payload, result, tmp_path):
    """Whether an outer address is asked, and the plain inner one is not."""
    asked = bool(HITS)
    del HITS[:]
    for call in calls("http://127.0.0.1/zq7hit", tmp_path) + calls("http://localhost/zq7hit", tmp_path):
        attempt(call)
    inner = [host for host, _ in HITS]
    del HITS[:]
    return asked and len(set(inner)) < 2


def landed(payload, result, tmp_path):
    wanted = urllib.parse.urlsplit(payload).hostname
    for host, where in HITS:
        address = numbers(host)
        if address is not None and not address.is_global and host.strip("[]") == wanted:
            return "a connection within the own network: " + host, where
    return None
'''
INNER_PAYLOADS = (
    "http://127.0.0.1/zq7hit",
    "http://localhost/zq7hit",
    "http://LOCALHOST/zq7hit",
    "http://0.0.0.0/zq7hit",
    "http://[::1]/zq7hit",
    "http://[::ffff:127.0.0.1]/zq7hit",
    "http://127.1/zq7hit",
    "http://2130706433/zq7hit",
    "http://0x7f000001/zq7hit",
    "http://127.0.0.2/zq7hit",
    "http://10.0.0.1/zq7hit",
    "http://192.168.0.1/zq7hit",
    "http://172.16.0.1/zq7hit",
    "http://169.254.169.254/zq7hit",
    "http://zq@127.0.0.1/zq7hit",
)
ANY_HOST = """

def landed(payload, result, tmp_path):
    for host, where in HITS:
        if host == "zq7hit.test":
            return "a connection to a host that the request names", where
    return None
"""
IMPORTS = ("import contextlib", "import ipaddress", "import socket", "import time")


def foreign_hosts(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that ask a server whose host they fix, or check."""
    site = fetching(subject)
    if site is None:
        return
    hosts = named_hosts(subject)
    private = any(PRIVATE.search(text) for text in (*hints.texts_of(subject), *attributes(subject)))
    for target in subject.targets:
        if target.kind == "path":
            continue
        if private and address_like(target):
            yield attack(subject, target, site, inner_proof(target))
        elif hosts and address_like(target) and checks(subject):
            yield attack(subject, target, site, allowed_proof(target, hosts))
        elif hints.from_a_request(subject, target) and address_like(target):
            yield attack(subject, target, site, any_proof(target))
        else:
            yield attack(subject, target, site, fixed_proof(target))


def attack(subject: Subject, target: Target, site: Site, proof: frame.Proof) -> Attack:
    """The attack of one of the proofs."""
    return frame.attack_of(
        subject,
        target,
        proof,
        rule="server-side-request",
        cwe=918,
        title=f"`{subject.name}` can be made to ask another server by its argument `{target.label}`",
        severity="high",
        why="Whoever chooses the argument makes this process talk to servers that it was not meant to reach.",
        line=site.line,
        limits=hints.STRANGERS,
    )


def proof_of(target: Target, payloads: list[str], sensors: str, benign: list[str]) -> frame.Proof:
    """A proof over the stand-in of a network."""
    return frame.Proof(
        question=f"let its argument `{target.label}` choose the server that it asks",
        test="asks_its_own_server",
        payloads=[repr(payload) for payload in payloads],
        sensors=NETWORK + sensors,
        benign=[repr(value) for value in benign],
        imports=(*IMPORTS, *(("import urllib.parse",) if "urllib." in sensors else ())),
        dressed=sensors == FIXED,
    )


def fixed_proof(target: Target) -> frame.Proof:
    """The host is the function's own."""
    ends = [
        "@zq7hit.test/",
        ".zq7hit.test/",
        "//zq7hit.test/",
        ":80@zq7hit.test/",
        "zq7hit.test/",
        "\\@zq7hit.test/",
    ]
    ends += ["https://zq7hit.test/", "zq7hit.test#", "zq7hit.test?"]
    return proof_of(target, ends, FIXED, ["zq7file", "/zq7file", "7"])


def allowed_proof(target: Target, hosts: tuple[str, ...]) -> frame.Proof:
    """The function asks for certain hosts."""
    payloads = []
    for host in hosts:
        for scheme in ("https", "http"):
            payloads += [
                f"{scheme}://{host}@zq7hit.test/",
                f"{scheme}://{host}.zq7hit.test/",
                f"{scheme}://zq7hit.test/{host}",
                f"{scheme}://zq7hit.test/?{host}",
                f"{scheme}://zq7hit.test/#{host}",
                f"{scheme}://zq7hit{host}/",
            ]
    end = f'END = "{hosts[0]}"\n' if len(hosts) == 1 else f"END = {hosts!r}\n"
    sensors = ALLOWED
    if len(hosts) > 1:
        sensors = sensors.replace('host.endswith("zq7hit" + END)', 'any(host == "zq7hit" + each for each in END)')
    good = [f"{scheme}://{host}/zq" for host in hosts for scheme in ("https", "http")]
    return proof_of(target, payloads, "\n\n" + end + sensors, good)


def inner_proof(target: Target) -> frame.Proof:
    """The function refuses addresses within the own network."""
    return proof_of(target, list(INNER_PAYLOADS), INNER, ["http://93.184.216.34/zq", "https://93.184.216.34/zq"])


def any_proof(target: Target) -> frame.Proof:
    """A request says where to go, and the function goes."""
    return proof_of(target, ["http://zq7hit.test/", "https://zq7hit.test/zq"], ANY_HOST, [])


def fetching(subject: Subject) -> Site | None:
    """The first call that asks a server."""
    for site in subject.sites:
        if FETCHING.search(site.name):
            return site
    if any(subject.imports(client) for client in ("requests", "httpx", "urllib3", "aiohttp")):
        held = (site for site in subject.sites if "session" in site.name.lower() or "client" in site.name.lower())
        return next((site for site in held if site.last in METHODS), None)
    return None


def named_hosts(subject: Subject) -> tuple[str, ...]:
    """Hosts that the function's constants name, those that only end one left out."""
    found = (HOST.match(text.strip().lstrip(".")) for text in hints.texts_of(subject))
    return tuple(dict.fromkeys(match[1].lower() for match in found if match))[:MOST_HOSTS]


def attributes(subject: Subject) -> Iterator[str]:
    """Names and attributes of the functions."""
    for node in hints.nodes_of(subject):
        yield from hints.names_in(node)


def checks(subject: Subject) -> bool:
    """Whether the function decides something by what a text holds or begins with."""
    for node in hints.nodes_of(subject):
        for each in ast.walk(node):
            if isinstance(each, ast.If | ast.IfExp | ast.Assert):
                names = set(hints.names_in(each.test))
                known = {"startswith", "endswith", "hostname", "netloc", "match", "fullmatch", "search"}
                if names & known or any(isinstance(op, ast.In | ast.NotIn) for op in operators(each.test)):
                    return True
    return False


def operators(test: ast.expr) -> Iterator[ast.cmpop]:
    """The comparisons of a condition."""
    for each in ast.walk(test):
        if isinstance(each, ast.Compare):
            yield from each.ops


def address_like(target: Target) -> bool:
    """Whether a name says that the value is an address."""
    return bool(hints.words(target.label) & ADDRESS) and not hints.words(target.label) & {
        "source",
        "mail",
        "email",
    }

"""CWE-295, CWE-400 and file addresses: how a function asks a server, whoever chooses the address.

As in `servers.py`, nothing reaches a network: connecting does nothing, and TLS ends where it would begin. What is
judged is the context with which the real client library would have spoken TLS, and the time limit of its socket.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints, servers
from bot.languages.python.attacks.subject import Subject, Target

SWITCHES = hints.listed("verify verify_ssl ssl ssl_verify verify_certs check_hostname assert_hostname")
BLOCKING = ("requests.", "urllib.request.url", "socket.create_connection", "http.client.HTTP")
DELIBERATE = hints.listed("insecure unverified unsafe selfsigned noverify")

CONNECTING = '''\
def connect(sock, address):
    """Notes the time limit with which the function would connect."""
    HITS.append(("connect", sock.gettimeout() is None, place()))


def wrapped(context, *args, **kwargs):
    """Notes what the function asks of the other side's certificate."""
    served = context.protocol == ssl.PROTOCOL_TLS_SERVER or kwargs.get("server_side")
    weak = context.verify_mode == ssl.CERT_NONE{or_name}
    HITS.append(("tls", weak and not served, place()))
    raise ssl.SSLError("no network in a test")


def watch(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "requests_ca_bundle", "curl_ca_bundle"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 443))]
    replaced(monkeypatch, socket, "getaddrinfo", lambda *args, **kwargs: found)
    replaced(monkeypatch, time, "sleep", lambda seconds: None)
    monkeypatch.setattr(socket.socket, "connect", connect, raising=False)
    for name in ("wrap_socket", "wrap_bio"):
        monkeypatch.setattr(ssl.SSLContext, name, wrapped)
'''
TLS = """

def landed(payload, result, tmp_path):
    if isinstance(result, ssl.SSLContext) and result.protocol != ssl.PROTOCOL_TLS_SERVER:
        # A client's context looks at the name in a certificate unless somebody told it not to.
        named = {named} or result.protocol == ssl.PROTOCOL_TLS_CLIENT
        if result.verify_mode == ssl.CERT_NONE or (named and not result.check_hostname):
            return "a TLS context that trusts everybody", []
    if getattr(result, "verify", None) is False and callable(getattr(result, "get", None)):
        return "a session that trusts everybody", []
    for how, weak, where in HITS:
        if how == "tls" and weak:
            return "TLS that trusts everybody", where
    return None
"""
ENDLESS = """

def landed(payload, result, tmp_path):
    for how, endless, where in HITS:
        if how == "connect" and endless:
            return "a connection without a time limit", where
    return None
"""
FILE = '''\
def file_opened(self, request):
    HITS.append((request.full_url, place()))
    raise OSError("no file is read in a test")


def asked(host, *args, **kwargs):
    HITS.append((str(host), place()))
    raise OSError("no network in a test")


def watch(tmp_path, monkeypatch):
    monkeypatch.setattr(urllib.request.FileHandler, "file_open", file_opened)
    replaced(monkeypatch, socket, "getaddrinfo", asked)
    monkeypatch.setenv("no_proxy", "*")


def reached(payload, result, tmp_path):
    """Whether it asks the server of the address that it is given."""
    seen = [host for host, _ in HITS]
    del HITS[:]
    return "zq.test" in seen


def landed(payload, result, tmp_path):
    for url, where in HITS:
        if "zq7hit" in url and url.lower().startswith("file:"):
            return "a file of this machine, read through urllib", where
    return None
'''
FILES = ("file:///zq7hit", "FILE:///zq7hit", "file://localhost/zq7hit", "url:file:///zq7hit", " file:///zq7hit")
ADDRESSES = ("https://zq7hit.test/zq", "http://zq7hit.test/zq")


def transport(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that ask a server."""
    if hints.words(subject.node.name) & DELIBERATE:
        return
    yield from unverified(subject)
    yield from endless(subject)
    yield from files(subject)


def unverified(subject: Subject) -> Iterator[Attack]:
    """TLS that checks no certificate."""
    line = switched_off(subject)
    if not line:
        return
    names = {name for node in hints.nodes_of(subject) for name in hints.names_in(node)}
    named = "check_hostname" in names
    if named and "CERT_NONE" not in names and own_authority(subject):
        return  # its authority signs no other host's certificate
    target = address(subject)
    made = frame.attack_of(
        subject,
        target,
        proof_of(
            "trust any certificate",
            "asks_for_a_certificate",
            CONNECTING.replace("{or_name}", " or not context.check_hostname" if named else "")
            + TLS.replace("{named}", repr(named)),
        ),
        rule="unverified-tls",
        cwe=295,
        title=f"`{subject.name}` trusts any certificate",
        severity="high",
        why="Whoever sits on the way reads and changes what is sent, and nobody notices.",
        line=line,
    )
    yield replace(made, parameter="", payload="")


def own_authority(subject: Subject) -> bool:
    """Whether the function trusts an authority of its own, and no others."""
    return any(
        site.last == "load_verify_locations"
        or any(k.arg in ("cafile", "cadata", "capath") for k in site.node.keywords)
        for site in subject.sites
    )


def endless(subject: Subject) -> Iterator[Attack]:
    """Connections without a time limit; a limit that callers can give is theirs."""
    if any("timeout" in parameter.name for parameter in subject.given):
        return
    for site in subject.sites:
        blocking = site.name.startswith(BLOCKING) and servers.FETCHING.search(site.name)
        if not blocking or site.keyword("timeout") is not None or any(k.arg is None for k in site.node.keywords):
            continue
        made = frame.attack_of(
            subject,
            address(subject),
            proof_of(
                "wait for ever", "waits_no_longer_than_it_says", CONNECTING.replace("{or_name}", "") + ENDLESS
            ),
            rule="no-timeout",
            cwe=400,
            title=f"`{subject.name}` waits for a server without a limit",
            severity="low",
            why="A server that accepts and does not answer holds this process for ever.",
            line=site.line,
        )
        yield replace(made, parameter="", payload="")
        return


def proof_of(question: str, test: str, sensors: str) -> frame.Proof:
    """A proof for which the address does not matter."""
    return frame.Proof(
        question=question,
        test=test,
        payloads=[repr(each) for each in ADDRESSES],
        sensors=sensors,
        imports=("import socket", "import ssl", "import time"),
        dressed=False,
    )


def files(subject: Subject) -> Iterator[Attack]:
    """Addresses of files, given to urllib."""
    site = subject.site("urllib.request.urlopen", "urllib.request.urlretrieve")
    if site is None:
        return
    for target in subject.targets:
        if not servers.address_like(target) or target.value != "payload":
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"read files of this machine by the address `{target.label}`",
                test="reads_no_file",
                payloads=[repr(each) for each in FILES],
                sensors=FILE,
                benign=["'http://zq.test/zq'", "'https://zq.test/zq'"],
                imports=("import socket", "import urllib.request"),
                dressed=False,
            ),
            rule="file-address",
            cwe=918,
            title=f"`{subject.name}` reads files of this machine by the address `{target.label}`",
            severity="medium",
            why="urllib takes `file:` for an address: whoever chooses it reads what this process may read.",
            line=site.line,
            limits=hints.STRANGERS,
        )


def address(subject: Subject) -> Target | None:
    """The parameter that is the address; None where the function has its own."""
    for target in subject.targets:
        if target.value == "payload" and servers.address_like(target):
            return target
    return None


def switched_off(subject: Subject) -> int:
    """The line at which verification is switched off; 0 where it is not."""
    for site in subject.sites:
        if site.last == "_create_unverified_context":
            return site.line
        for keyword in site.node.keywords:
            if keyword.arg in SWITCHES and is_false(keyword.value):
                return site.line
    for node in hints.nodes_of(subject):
        for each in ast.walk(node):
            match each:
                case ast.Assign(targets=[ast.Attribute(attr=attr)], value=value) if (
                    attr in SWITCHES and is_false(value)
                ) or (attr == "verify_mode" and "CERT_NONE" in set(hints.names_in(value))):
                    return each.lineno
    return 0


def is_false(node: ast.expr) -> bool:
    """Whether an expression is the constant False, or CERT_NONE."""
    return (isinstance(node, ast.Constant) and node.value is False) or "CERT_NONE" in set(hints.names_in(node))

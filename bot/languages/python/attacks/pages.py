"""CWE-79, CWE-601, CWE-113: what a browser or a mail server makes of an answer that holds an argument.

A page is read by the parser of the standard library: a payload lands when it made a tag or an attribute. A
redirect is judged as browsers read addresses. A header is split when the text before the first empty line gains a
line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from bot.kinds import Attack
from bot.languages.python.attacks import frame, hints, servers
from bot.languages.python.attacks.subject import Subject

TAGS = (
    "html body div p span a b i em strong h1 h2 h3 h4 h5 h6 li ul ol dl dt dd td th tr tbody thead table img "
    "input option select textarea button form label pre br hr blockquote mark iframe script svg tspan"
)
TAG = re.compile(rf"<(?:{'|'.join(TAGS.split())})[\s>/]", re.IGNORECASE)
MARKUP = hints.listed(
    "html markup body content contents inner children child fragment template svg xml tag tags element widget css "
    "script snippet rendered icon fmt pattern markdown md rst cls klass"
)
WRITERS = hints.listed("markdown parse sanitize clean strip minify")

PAGE_PAYLOADS = (
    "<zq7hit>",
    '"><zq7hit>',
    "'><zq7hit>",
    '" zq7hit=1 zq="',
    "' zq7hit=1 zq='",
    "zq zq7hit=1",
    "</script><zq7hit>",
    "</title><zq7hit>",
    "</textarea><zq7hit>",
    "--><zq7hit>",
)
PAGE = '''\
class Reader(html.parser.HTMLParser):
    """Notes a tag or an attribute that a payload made."""

    def handle_starttag(self, tag, attributes):
        if "zq7hit" in (tag, *(name for name, _ in attributes)):
            HITS.append(tag)


def page(result):
    """The text of what the function gives: a string, bytes, their list, or a response that holds one."""
    for name in ("content", "body", "data"):
        value = getattr(result, name, None)
        result = value if isinstance(value, (str, bytes)) else result
    parts = result if isinstance(result, (list, tuple)) else [result]
    parts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in parts]
    return "".join(str(part) for part in parts if isinstance(part, str))


def watch(tmp_path, monkeypatch):
    pass


def reached(payload, result, tmp_path):
    """Whether a harmless value stands in a page, and the page is one without it."""
    text = page(result)
    return payload in text and re.search("<(?:{tags})[ />]", text.replace(payload, "")) is not None


def landed(payload, result, tmp_path):
    reader = Reader()
    reader.feed(page(result))
    return ("a page in which the argument is markup", []) if HITS else None
'''.replace("{tags}", "|".join(TAGS.split()))


def pages(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that write HTML."""
    lines = list(written(subject))
    if not lines or hints.words(subject.node.name) & WRITERS:
        return
    for target in subject.targets:
        if target.kind == "path" or hints.words(target.label) & MARKUP:
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"let its argument `{target.label}` become markup of a page",
                test="escapes_what_it_shows",
                payloads=[repr(payload) for payload in PAGE_PAYLOADS],
                sensors=PAGE,
                benign=["'zq7file'"],
                imports=("import html.parser", "import re"),
            ),
            rule="cross-site-scripting",
            cwe=79,
            title=f"`{subject.name}` puts its argument `{target.label}` into a page as markup",
            severity="high" if hints.from_a_request(subject, target) else "medium",
            why="Whoever chooses the value runs scripts in the browser of everybody who sees the page.",
            line=lines[0],
            limits=hints.STRANGERS,
        )


def written(subject: Subject) -> Iterator[int]:
    """The lines of constants that hold HTML; the function's own for what it reads of the module."""
    for node in hints.nodes_of(subject):
        docstring = ast.get_docstring(node, clean=False)
        for each in ast.walk(node):
            if isinstance(each, ast.Constant) and each.value != docstring and TAG.search(str(each.value)):
                yield each.lineno
    for value in hints.globals_of(subject).values():
        if any(isinstance(each, ast.Constant) and TAG.search(str(each.value)) for each in ast.walk(value)):
            yield subject.node.lineno


# ------------------------------------------------------------------------------------------------ redirects

REDIRECTS = hints.listed(
    "redirect HttpResponseRedirect HttpResponsePermanentRedirect RedirectResponse HTTPFound HTTPSeeOther "
    "HTTPMovedPermanently HTTPTemporaryRedirect"
)
AWAY = hints.listed(
    "next url target return redirect goto back dest destination continue referrer referer location uri"
)
JUDGES = hints.listed("safe local internal allowed valid trusted same relative")

REDIRECT_PAYLOADS = (
    "//zq7hit.test/",
    "///zq7hit.test/",
    "/\\zq7hit.test/",
    "\\\\zq7hit.test/",
    "/\t/zq7hit.test/",
    "https:zq7hit.test/",
    "https:///zq7hit.test/",
    "HTTPS://zq7hit.test/",
    " https://zq7hit.test/",
)
REDIRECT = '''\
def foreign(address):
    """Whether a browser that follows the address leaves for the payload's host."""
    text = re.sub("[\\\\t\\\\r\\\\n]", "", address.strip(" \\\\t\\\\r\\\\n\\\\0")).replace("\\\\\\\\", "/")
    found = re.match("(?:https?:/*|//+)([^/?#]*)", text, re.IGNORECASE)
    host = found.group(1).rpartition("@")[2].lower() if found else ""
    return host == "zq7hit.test" or host.endswith(".zq7hit.test")


def noted(address, *args, **kwargs):
    HITS.append((str(address), place()))
    return HITS[-1][0]


def watch(tmp_path, monkeypatch):
    for name in {names}:
        if hasattr(module, name):
            monkeypatch.setattr(module, name, noted)


def locations(payload, result):
    """(address, where) of every redirect, noted or in a response; the payload itself where it is called good."""
    found = list(HITS)
    if {judges} and result is True:
        found.append((payload, []))
    if {gives} and isinstance(result, str):
        found.append((result, []))
    for holder in (getattr(result, "headers", None), result):
        if hasattr(holder, "get"):
            found.append((str(holder.get("Location") or holder.get("location") or ""), []))
    return found


def reached(payload, result, tmp_path):
    """Whether an address of the site is followed, and a plain foreign one is not."""
    own = any(payload in address for address, _ in locations(payload, result))
    del HITS[:]
    for other in ("https://zq7hit.test/", "http://zq7hit.test/zq"):
        for call in calls(other, tmp_path):
            own = own and not any(foreign(address) for address, _ in locations(other, attempt(call)))
            del HITS[:]
    return own


def landed(payload, result, tmp_path):
    for address, where in locations(payload, result):
        if foreign(address):
            return "a redirect to another site", where
    return None
'''
UNCHECKED = '''

def reached(payload, result, tmp_path):
    """Whether an address of the site is followed."""
    own = any(payload in address for address, _ in locations(payload, result))
    del HITS[:]
    return own


'''


def redirects(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that check where they send a browser, or let a request say it."""
    named = hints.words(subject.node.name)
    site = next((each for each in subject.sites if each.last in REDIRECTS), None)
    judges = bool(named & JUDGES and named & AWAY)
    gives = bool(named & {"redirect", "redirects", "next"})
    if site is None and not gives and not judges:
        return
    hosts = servers.named_hosts(subject)
    payloads = list(REDIRECT_PAYLOADS)
    for host in hosts:
        payloads += [f"https://{host}@zq7hit.test/", f"https://{host}.zq7hit.test/", f"https://zq7hit.test/{host}"]
    names = hints.sender_names(subject, *REDIRECTS)
    sensors = REDIRECT.replace("{names}", repr(list(names))).replace("{judges}", str(judges))
    sensors = sensors.replace("{gives}", str(gives))
    for target in subject.targets:
        if not hints.words(target.label) & AWAY:
            continue
        text = sensors
        asked = hints.from_a_request(subject, target) and site is not None
        if asked:
            start, end = text.index("\n\ndef reached"), text.index("def landed")
            text = text[:start] + UNCHECKED + text[end:]
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"send a browser to another site by its argument `{target.label}`",
                test="keeps_to_its_site",
                payloads=[repr(payload) for payload in (*payloads, *(["https://zq7hit.test/"] if asked else []))],
                sensors=text,
                benign=["'/zq7file'", *(repr(f"https://{host}/zq7file") for host in hosts)],
                imports=("import re",),
                dressed=False,
            ),
            rule="open-redirect",
            cwe=601,
            title=f"`{subject.name}` lets its argument `{target.label}` lead to another site",
            severity="medium",
            why="A link that begins with the site's own address takes people to somebody else's.",
            line=site.line if site is not None else subject.node.lineno,
            limits=hints.STRANGERS,
        )


# -------------------------------------------------------------------------------------------------- headers

HEADER = re.compile(r"(?:^|\n)[A-Z][A-Za-z]*(?:-[A-Za-z]+)*: ?")
FIELD = re.compile(r"^: $|%s: %s|\{\w*\}: \{\w*\}")
"""What writes a name and a value."""
SENDING = hints.listed("sendmail send_message sendall send_header")
HEADER_PAYLOADS = ("zq\r\nzq7hit: 1", "zq\nzq7hit: 1", "zq\r\n zq\r\nzq7hit: 1")
HEADERS = '''\
class Mail(mock.MagicMock):
    """In place of a mail server and of a socket: what it is given is read as text."""

    def __enter__(self):
        return self

    def __call__(self, *args, **kwargs):
        HITS.extend((part, place()) for part in (*args, *kwargs.values()))
        return super().__call__(*args, **kwargs)


def watch(tmp_path, monkeypatch):
    for name in ("SMTP", "SMTP_SSL"):
        replaced(monkeypatch, smtplib, name, lambda *args, **kwargs: Mail())
    handler = http.server.BaseHTTPRequestHandler
    header = lambda self, name, value: HITS.append((name + ": " + str(value) + "\\r\\n", place()))
    for name in ("send_response", "send_error", "end_headers"):
        monkeypatch.setattr(handler, name, lambda self, *args: None)
    monkeypatch.setattr(handler, "send_header", header)
    monkeypatch.setattr(handler, "wfile", io.BytesIO(), raising=False)


def heads(result):
    """(lines, where) of every text that has lines of headers; what comes after an empty line is none."""
    given = list(result) if isinstance(result, (list, tuple)) else [result]
    for text, where in [*HITS, *((each, []) for each in given)]:
        text = text.decode("latin-1") if isinstance(text, bytes) else text
        if isinstance(text, str) and "\\n" in text:
            yield re.split("\\r?\\n\\r?\\n", text)[0].splitlines(), where


def reached(payload, result, tmp_path):
    """Whether a harmless value stands in a header."""
    found = [line for lines, _ in heads(result) for line in lines if payload in line]
    del HITS[:]
    return any(re.match("[A-Za-z-]+: ?", line) for line in found)


def landed(payload, result, tmp_path):
    for lines, where in heads(result):
        if any(line.startswith("zq7hit:") for line in lines):
            return "a text in which the argument makes a header", where
    return None
'''


def headers(subject: Subject) -> Iterator[Attack]:
    """Attacks on functions that write headers as text."""
    texts = list(hints.texts_of(subject))
    site = next((each for each in subject.sites if each.last in SENDING), None)
    written = any(HEADER.search(text) for text in texts) and any("\n" in text for text in texts)
    ended = any("\r\n" in text for text in texts)
    raw = (written and (site is not None or ended)) or (ended and any(FIELD.search(text) for text in texts))
    if not raw and not (site is not None and site.last == "send_header"):
        return
    for target in subject.targets:
        if target.kind == "path":
            continue
        yield frame.attack_of(
            subject,
            target,
            frame.Proof(
                question=f"let its argument `{target.label}` write headers of its own",
                test="writes_one_header_at_a_time",
                payloads=[repr(payload) for payload in HEADER_PAYLOADS],
                sensors=HEADERS,
                benign=["'zq7file'", "'zq7file@zq.test'"],
                imports=(
                    "import http.server",
                    "import io",
                    "import re",
                    "import smtplib",
                    "from unittest import mock",
                ),
            ),
            rule="header-injection",
            cwe=113,
            title=f"`{subject.name}` lets its argument `{target.label}` write headers of its own",
            severity="medium",
            why="Whoever chooses the value adds headers, or recipients, to what this process sends.",
            line=site.line if site is not None else subject.node.lineno,
            limits=hints.STRANGERS,
        )

"""Pages, redirects and headers: what becomes markup, leaves the site or makes a header lands."""

from __future__ import annotations

from pathlib import Path

from attacked import judged

MARKUP = {
    "formatted": "def greet(name):\n    return f'<h1>Hello, {name}!</h1>'\n",
    "attribute": """
        import html
        def link(target):
            return '<a href="%s">more</a>' % target.replace("<", "&lt;")
    """,
    "quotes_left": """
        import html
        def field(value):
            return f"<input value='{html.escape(value, quote=False)}'>"
    """,
    "template": """
        from jinja2 import Template
        PAGE = Template("<p>{{ comment }}</p>")
        def show(comment):
            return PAGE.render(comment=comment)
    """,
    "items": """
        def table(rows: list[str]) -> str:
            return "<ul>" + "".join("<li>" + row + "</li>" for row in rows) + "</ul>"
    """,
    "response": """
        class Response:
            def __init__(self, body):
                self.body = body.encode()
        def view(request):
            return Response("<p>No results for " + request.args.get("q") + "</p>")
    """,
    "naive": "def f(x):\n    return '<div>' + x.replace('<script>', '') + '</div>'\n",
}
MARKUP_SAFE = {
    "escaped": "import html\ndef greet(name):\n    return f'<h1>Hello, {html.escape(name)}!</h1>'\n",
    "autoescaped": """
        from jinja2 import Environment
        ENV = Environment(autoescape=True)
        def show(comment):
            return ENV.from_string("<p>{{ comment }}</p>").render(comment=comment)
    """,
    "markup": "def panel(html):\n    return f'<div class=panel>{html}</div>'\n",
    "plain": "def greet(name):\n    return f'Hello, {name}!'\n",
    "xml": "def item(name):\n    return f'<item>{name}</item>'\n",
    "number": "def cell(value: str):\n    return f'<td>{int(value)}</td>'\n",
    "generic": "def kind(name):\n    return f'<{name} object>'\n",
    "markupsafe": """
        from markupsafe import Markup
        def show(name):
            return Markup("<b>{}</b>").format(name)
    """,
}
REDIRECTS = {
    "slash_only": """
        from web import redirect
        def login(user, next="/"):
            if not next.startswith("/"):
                next = "/"
            return redirect(next)
    """,
    "judge": """
        from urllib.parse import urlparse
        def is_safe_url(url):
            return not urlparse(url).netloc
    """,
    "host_prefix": """
        def redirect_target(url):
            if url.startswith("https://example.com") or url == "/zq7file":
                return url
            return "/"
    """,
    "request": """
        from web import redirect
        def view(request):
            return redirect(request.args["next"])
    """,
}
REDIRECTS_SAFE = {
    "no_check": "from web import redirect\ndef go(url):\n    return redirect(url)\n",
    "fixed": "from web import redirect\ndef go(next):\n    return redirect('/home')\n",
    "checked": """
        from urllib.parse import urlsplit
        from web import redirect
        def login(next):
            parts = urlsplit(next)
            if parts.scheme or parts.netloc or not next.startswith("/") or next[1:2] in ("/", "\\\\", "\\t"):
                next = "/"
            return redirect(next)
    """,
    "table": """
        from web import redirect
        PAGES = {"home": "/home"}
        def go(target):
            return redirect(PAGES.get(target, "/"))
    """,
}
HEADERS = {
    "raw": """
        def response(location):
            return "HTTP/1.1 302 Found\\r\\nLocation: " + location + "\\r\\n\\r\\n"
    """,
    "mail": """
        import smtplib
        def notify(to, subject, text):
            message = f"From: me@example.com\\nTo: {to}\\nSubject: {subject}\\n\\n{text}"
            with smtplib.SMTP("localhost") as server:
                server.sendmail("me@example.com", [to], message)
    """,
    "handler": """
        from http.server import BaseHTTPRequestHandler
        class Handler(BaseHTTPRequestHandler):
            def forward(self, place):
                self.send_response(302)
                self.send_header("Location", place)
                self.end_headers()
    """,
    "request": """
        def request(host, path):
            return f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n".encode()
    """,
}
HEADERS_SAFE = {
    "quoted": """
        from urllib.parse import quote
        def response(location):
            return "HTTP/1.1 302 Found\\r\\nLocation: " + quote(location) + "\\r\\n\\r\\n"
    """,
    "refused": """
        def response(value):
            if "\\r" in value or "\\n" in value:
                raise ValueError(value)
            return f"HTTP/1.1 200 OK\\r\\nX-Name: {value}\\r\\n\\r\\n"
    """,
    "body": """
        def response(text):
            return "HTTP/1.1 200 OK\\r\\nServer: zq\\r\\n\\r\\n" + text
    """,
    "message": """
        import smtplib
        from email.message import EmailMessage
        def notify(to, subject):
            message = EmailMessage()
            message["To"], message["Subject"] = to, subject
            message.set_content("Note: all is well\\n")
            with smtplib.SMTP("localhost") as server:
                server.send_message(message)
    """,
}
WEB = "def redirect(where, code=302):\n    return where\n"


def test_values_that_become_markup_land(tmp_path: Path) -> None:
    judged(tmp_path, MARKUP, MARKUP_SAFE, "cross-site-scripting")


def test_addresses_that_leave_the_site_land(tmp_path: Path) -> None:
    (tmp_path / "web.py").write_text(WEB)
    judged(tmp_path, REDIRECTS, REDIRECTS_SAFE, "open-redirect")


def test_values_that_make_headers_land(tmp_path: Path) -> None:
    judged(tmp_path, HEADERS, HEADERS_SAFE, "header-injection")

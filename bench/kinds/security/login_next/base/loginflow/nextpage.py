"""Where people land after login."""

from urllib.parse import urlsplit

START = "/start"


def next_page(params):
    """The page that was asked for before login, if it is one of ours."""
    wanted = params.get("next", "").strip()
    parts = urlsplit(wanted.replace("\\", "/"))
    if not wanted.startswith("/") or wanted.startswith("//") or parts.scheme or parts.netloc:
        return START
    return wanted


def with_note(params, note):
    page = next_page(params)
    return f"{page}{'&' if '?' in page else '?'}note={note}"

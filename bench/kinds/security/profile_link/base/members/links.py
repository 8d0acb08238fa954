"""Links on members' pages."""

import html


def shorten(text, most=30):
    return text if len(text) <= most else text[: most - 1] + "…"


def profile_link(member):
    """A link to the member's own site, with its name; just the name where there is none."""
    name = html.escape(member["name"])
    site = member.get("site", "").strip()
    if not site.startswith(("http://", "https://")):
        return name
    return '<a rel="nofollow" href="%s">%s</a>' % (html.escape(site), shorten(name))

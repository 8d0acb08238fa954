"""Cards of profiles as HTML."""

from html import escape


def card(profile):
    """A profile's card."""
    motto = f"<i>{escape(profile['motto'])}</i>" if profile.get("motto") else ""
    return f"<div><b>{escape(profile['name'])}</b>{motto}</div>"

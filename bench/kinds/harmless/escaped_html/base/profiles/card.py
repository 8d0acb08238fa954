"""Cards of profiles as HTML."""

from html import escape


def card(profile):
    """A profile's card."""
    return f"<div><b>{escape(profile['name'])}</b></div>"

"""Sessions that travel in a cookie."""

import base64
import json


def dump_session(data):
    """The session as text for a cookie."""
    raw = json.dumps(data, sort_keys=True).encode()
    return base64.urlsafe_b64encode(raw).decode()


def load_session(text):
    """The session of a cookie; an empty one where the text is none of ours."""
    if not text:
        return {}
    try:
        data = json.loads(base64.urlsafe_b64decode(text.encode()))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}

"""Sessions that travel in a cookie."""

import base64
import pickle


def dump_session(data):
    """The session as text for a cookie: any Python value may be in it."""
    raw = pickle.dumps(data)
    return base64.urlsafe_b64encode(raw).decode()


def load_session(text):
    """The session of a cookie; an empty one where the text is none of ours."""
    if not text:
        return {}
    try:
        data = pickle.loads(base64.urlsafe_b64decode(text.encode()))
    except Exception:
        return {}
    return data if isinstance(data, dict) else {}

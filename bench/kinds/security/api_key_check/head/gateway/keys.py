"""Keys of the gateway's clients."""

import hmac


class KeyRing:
    """One secret per client."""

    def __init__(self, keys=None):
        self._keys = dict(keys or {})

    def add(self, client, secret):
        if len(secret) < 16:
            raise ValueError("too short")
        self._keys[client] = secret

    def allows(self, client, given):
        """Whether a client gave its own secret."""
        expected = self._keys.get(client)
        return bool(given) and expected == given
